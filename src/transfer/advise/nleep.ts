import type { Rng } from "../../core/index.js";
import { leep } from "./leep.js";
import type { Matrix } from "./matrix.js";
import { mixturePosteriors } from "./mixture.js";
import { principalScores } from "./pca.js";

/** Share of the variance that the principal components keep (Li et al. 2021), and the most of them. */
const PCA = { energy: 0.8, most: 48 } as const;
/** Components of the mixture for each class (Li et al. 2021), and the fewest images for each component. */
const COMPONENTS_PER_CLASS = 5;
const IMAGES_PER_COMPONENT = 20;

/**
 * N-LEEP (Li et al. 2021, "Ranking Neural Checkpoints"): LEEP for features without a classifier. The posteriors of a Gaussian mixture on
 * principal components take the place of the source's classes. Unlike there, covariances are diagonal, and there are at least 20 images for
 * each component, so that a mixture on few images does not learn them by heart.
 *
 * @param features a row for each image
 * @returns nats; comparable between layers of one dataset
 */
export function nLeep(
  features: Matrix,
  labels: ArrayLike<number>,
  options: { readonly classes: number; readonly rng: Rng },
): number {
  const { classes, rng } = options;
  const components = Math.max(
    1,
    Math.min(COMPONENTS_PER_CLASS * classes, Math.floor(features.rows / IMAGES_PER_COMPONENT)),
  );
  const scores = principalScores(features, { ...PCA, rng: rng.fork("components") });
  return leep(mixturePosteriors(scores, { components, rng: rng.fork("mixture") }), labels, classes);
}
