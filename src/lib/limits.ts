/** Bounds that hostile input meets before any parser does. Bytes unless the name says otherwise. */
export const limits = {
  /** A CI identity token; GitHub's are near 2 KB, GitLab's with many groups near 4 KB. */
  identityTokenBytes: 16_384,
  /** Its header, in base64url: alg, kid, typ and a thumbprint. */
  identityTokenHeaderBytes: 2_048,
  /** A DPoP proof: header with one P-256 key, five claims. */
  dpopProofBytes: 4_096,
  /** A body of the JSON API, the policy included. */
  apiBodyBytes: 1_048_576,
  /** A discovery document or a JWKS of an issuer. */
  issuerDocumentBytes: 262_144,
  issuerTimeoutMs: 3_000,
  /** Keys looked at in one JWKS. */
  issuerKeys: 64,
  /** One audit entry: the length prefix of a C2SP entry bundle has 16 bits. */
  auditEntryBytes: 65_535,
  /** HTTP request head that the gateway and the relay accept. */
  requestHeadBytes: 32_768,
  /** HTTP answer head that is taken from an upstream. */
  answerHeadBytes: 32_768,
  answerHeaders: 200,
  /** A chunk of a body to S3 whose chunks are signed one by one: it is held until its signature is right. */
  awsChunkBytes: 8_388_608,
  /** Bodies of requests to AWS that are read as a whole, of all steps together. */
  awsBodiesBytes: 268_435_456,
  /** Headers of one request; git and npm send near fifteen. */
  requestHeaders: 100,
  /** Interim answers (1xx) before one answer. */
  interimAnswers: 32,
  /** How long a connection may say nothing, unless its configuration says otherwise, while one side waits for the other: hooks of a Git server take minutes. */
  silenceMs: 600_000,
  /** Channels that one SSH connection of a step may have open. */
  sshChannels: 64,
  /** The record of one session at a terminal; a session that would need more ends. */
  recordingBytes: 67_108_864,
  /** One command of Redis, which is held until it is judged; and its words. */
  redisCommandBytes: 16 * 1024 * 1024,
  redisWords: 100_000,
  /** Answers of the gateway that wait for their turn behind one of the server's. */
  redisHeldAnswerBytes: 1024 * 1024,
  /** How long a client that was told the last thing may go on writing. */
  redisLingerMs: 30_000,
  /** Until an upstream has taken a connection: TCP, and TLS after it. */
  upstreamConnectMs: 10_000,
  /** Until the head of a request is there, on a connection that is open. */
  requestHeadMs: 10_000,
  /** The same, TLS included, within a tunnel of a step: a client that opens hundreds at once takes its time, and only its own are held. */
  tunnelHeadMs: 60_000,
  /** Tunnels that one step has open at once; npm opens 15, a browser's test fewer than 100. */
  tunnelsPerStep: 256,
  /** Requests that one HTTP/2 connection of a step carries at once, and all its connections together. */
  http2Streams: 64,
  requestsPerStep: 512,
  /** Places of a step's own network that are listened at; each is an open file of its supervisor. */
  doorsPerStep: 512,
  /** How often a step's supervisor may ask for what is handed to the step; each time is an entry of the log. */
  handOutsPerStep: 500,
  /** A package-lock.json handed over for pinning. */
  lockfileBytes: 33_554_432,
  /** Packages that it pins; large monorepos have near 10,000. */
  lockfilePackages: 50_000,
  /** What the gateway's kept files leave free on their disk. */
  keptFreeBytes: 1_073_741_824,
  /** Reports of a folder in OSV format, and each. */
  osvReports: 2_000_000,
  osvReportBytes: 16_777_216,
  /** The page of a project in a Python index; those with thousands of files have some megabytes. */
  indexPageBytes: 16_777_216,
  /** The fields of an upload to one, its description among them, before the file. */
  uploadFieldBytes: 4_194_304,
  /** An upload that is looked into before it goes out; four times as much of all steps together. */
  uploadAsideBytes: 1_073_741_824,
  /** A body of a route that a stranger may call, or that a step calls beside its lockfile. */
  smallBodyBytes: 131_072,
  /** A piece of a step's log. */
  logPieceBytes: 1_048_576,
  /** What a runner masks that a server found in its output: texts of one piece and of a step, and how long each is. */
  maskedAtOnce: 1_000,
  maskedOfStep: 10_000,
  leastMaskedBytes: 6,
  mostMaskedBytes: 8_192,
  /** Parameters of a form. */
  formParameters: 50,
  /** Commands (ref updates) of one git push, before the pack. */
  pushCommandBytes: 16_777_216,
  /** Refs of one push: a mirror has tens of thousands. */
  pushRefs: 50_000,
  /** The pack of one push, unless its connection says otherwise. */
  pushPackBytes: 5_368_709_120,
  /** A git-upload-pack request (wants and haves), after decompression. */
  fetchRequestBytes: 8_388_608,
  /** Objects of a pack that is looked into to tell a fast-forward; the same work as the Git server's own. */
  packObjects: 1_000_000,
  /** What they may inflate to, together. */
  packInflatedBytes: 17_179_869_184,
  /** A commit that is looked at; git's own are some hundred bytes. Also what is inflated in one piece. */
  packPieceBytes: 1_048_576,
  /** Commits of a pack whose content is kept, since later ones may be deltas of them: together. */
  packKeptBytes: 16_777_216,
  /** Commits remembered to walk from the new one to the old one, and their parents, together. */
  historyCommits: 100_000,
  historyParents: 300_000,
  /** Commits at the edge of a push whose history the Git server is asked for. */
  historyEdges: 1_000,
  /** How often the Git server is asked for one push. */
  historyQuestions: 16,
  /** A Git server's answer to that question. */
  historyBytes: 67_108_864,
  /** A Git server's list of the refs that begin like those of a push. */
  refListBytes: 33_554_432,
  /** Files that one step hands on to later ones, and together; folders on the way to one; what is looked at to find them. */
  artifactFiles: 10_000,
  artifactBytes: 10_737_418_240,
  artifactDepth: 32,
  artifactEntries: 200_000,
  /** Of them as many are named in the record; the rest is in its digest. */
  recordedArtifacts: 100,
  /** What these may take, as JSON: an entry holds two such lists beside all else. */
  recordedArtifactsBytes: 12_288,
  /** All files that a step hands on, as JSON: their paths, sizes and digests. */
  artifactListBytes: 8_388_608,
  /** Of one step in its receipt: entries of the audit log, and their bytes; entries among which they are looked for. */
  receiptEntries: 2_000,
  receiptBytes: 4_194_304,
  receiptScan: 1_000_000,
  /** A manifest or index of a container registry (OCI distribution-spec: a registry takes at least that), and a list of tags. */
  manifestBytes: 4_194_304,
  /** Uploads that one step has begun at one registry and not ended. */
  uploadsPerStep: 256,
  /** Of a Go module: golang.org/x/mod/zip, MaxZipFile (packed, and its files together) and MaxGoMod. */
  goZipBytes: 524_288_000,
  goModBytes: 16_777_216,
  goZipEntries: 100_000,
  /** What lies in temporary files at once, of all steps, while their digests are not known. */
  goSpooledBytes: 4_294_967_296,
  /** A list of a module's versions, or what is said of one. */
  goTextBytes: 4_194_304,
  /** A trusted root of Sigstore, or several; the public one has 7 KB. */
  trustedRootBytes: 1_048_576,
  /** What a registry has of statements about one file: each some ten KB. */
  attestationsBytes: 2_097_152,
  /** What a Cargo index says of one crate; the largest are near 5 MB. */
  cargoIndexBytes: 16_777_216,
  /** A crate that is published, with what is said of it: crates.io takes 10 MB. */
  cargoPublishBytes: 67_108_864,
  /** A gem that is pushed. */
  gemBytes: 134_217_728,
  /** One file that a step deploys to a Maven repository. */
  mavenPublishBytes: 134_217_728,
  /** What all steps have in memory of such, while it is hashed and passed on. */
  publishingBytes: 268_435_456,
  /** One conversation with a database's server, to make or end an account; and what it may send. */
  databaseMs: 20_000,
  databaseBytes: 16_777_216,
  hostNameBytes: 253,
  policyBytes: 1_048_576,
  /** A file of certificate authorities; those of a whole system take 250 KB. */
  caFileBytes: 4_194_304,
} as const
