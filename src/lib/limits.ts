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
  /** A package-lock.json handed over for pinning. */
  lockfileBytes: 33_554_432,
  /** Commands (ref updates) of one git push, before the pack. */
  pushCommandBytes: 1_048_576,
  /** A git-upload-pack request (wants and haves), after decompression. */
  fetchRequestBytes: 8_388_608,
  hostNameBytes: 253,
  policyBytes: 1_048_576,
  /** A file of certificate authorities; those of a whole system take 250 KB. */
  caFileBytes: 4_194_304,
} as const
