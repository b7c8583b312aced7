declare const brand: unique symbol;

/** Make a nominal type out of a structural one: `type NetId = Brand<number, "net">`. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
