import { OfferedChannel, type Pauses, type Ports } from "./lanes.js";

/** Steps of a driver: it is resumed before a cycle settles and after, in turn. */
export type Steps<T> = Generator<void, T, void>;

/** The master of an AXI4-Lite port `s_axil_…`; checks that what the module offers stays, and that nothing is answered without being asked. */
export class RegisterPort {
  readonly #ports: Ports;
  readonly #pauses: Pauses | null;
  readonly #fail: (message: string) => never;
  readonly #b: OfferedChannel;
  readonly #r: OfferedChannel;
  #ready = { b: false, r: false };
  #asked = { b: false, r: false };

  constructor(ports: Ports, pauses: Pauses | null, fail: (message: string) => never) {
    this.#ports = ports;
    this.#pauses = pauses;
    this.#fail = fail;
    this.#b = new OfferedChannel(ports, "s_axil_b", ["resp"], fail);
    this.#r = new OfferedChannel(ports, "s_axil_r", ["data", "resp"], fail);
    for (const name of ["awvalid", "awaddr", "wvalid", "wdata", "bready", "arvalid", "araddr", "rready"])
      ports.drive(`s_axil_${name}`, 0);
    ports.drive("s_axil_wstrb", 15);
  }

  /** Look at the settled responses, in every cycle. */
  observe(): void {
    const b = this.#b.observe(this.#ready.b);
    const r = this.#r.observe(this.#ready.r);
    if (b && !this.#asked.b) this.#fail("s_axil_bvalid without a write");
    if (r && !this.#asked.r) this.#fail("s_axil_rvalid without a read");
  }

  /** Write a register. */
  *write(address: number, data: number): Steps<void> {
    const ports = this.#ports;
    const left = { aw: true, w: true };
    const offered = { aw: false, w: false };
    for (let answered = false; !answered; ) {
      for (const channel of ["aw", "w"] as const) {
        if (!left[channel] || offered[channel] || !this.#moves()) continue;
        offered[channel] = true;
        if (channel === "aw") ports.drive("s_axil_awaddr", address);
        else ports.drive("s_axil_wdata", data);
        ports.drive(`s_axil_${channel}valid`, 1);
      }
      this.#show("b");
      yield;
      answered = this.#ready.b && ports.bit("s_axil_bvalid");
      const taken = (["aw", "w"] as const).filter(
        (channel) => offered[channel] && ports.bit(`s_axil_${channel}ready`),
      );
      if (answered && ports.number("s_axil_bresp") !== 0)
        this.#fail(`register ${address}: an error response`);
      yield;
      for (const channel of taken) {
        left[channel] = false;
        offered[channel] = false;
        ports.drive(`s_axil_${channel}valid`, 0);
      }
      this.#asked.b = !left.aw && !left.w && !answered;
    }
    this.#hide("b");
  }

  /** Read a register. */
  *read(address: number): Steps<number> {
    const ports = this.#ports;
    let [left, offered] = [true, false];
    for (;;) {
      if (left && !offered && this.#moves()) {
        offered = true;
        ports.drive("s_axil_araddr", address);
        ports.drive("s_axil_arvalid", 1);
      }
      this.#show("r");
      yield;
      const answered = this.#ready.r && ports.bit("s_axil_rvalid");
      const taken = offered && ports.bit("s_axil_arready");
      const value = answered ? ports.number("s_axil_rdata") : 0;
      if (answered && ports.number("s_axil_rresp") !== 0)
        this.#fail(`register ${address}: an error response`);
      yield;
      if (taken) {
        [left, offered] = [false, false];
        ports.drive("s_axil_arvalid", 0);
        this.#asked.r = true;
      }
      if (!answered) continue;
      this.#asked.r = false;
      this.#hide("r");
      return value;
    }
  }

  #moves(): boolean {
    return this.#pauses === null || this.#pauses.rng.next() >= this.#pauses.stall;
  }

  #show(channel: "b" | "r"): void {
    this.#ready[channel] = this.#moves();
    this.#ports.drive(`s_axil_${channel}ready`, this.#ready[channel] ? 1 : 0);
  }

  #hide(channel: "b" | "r"): void {
    this.#ready[channel] = false;
    this.#ports.drive(`s_axil_${channel}ready`, 0);
  }
}
