/* Bundles and trusted roots as JSON has them. */

export interface BundleJson {
  mediaType: string
  verificationMaterial: {
    certificate?: { rawBytes: string }
    publicKey?: { hint: string }
    tlogEntries: EntryJson[]
    timestampVerificationData: { rfc3161Timestamps: { signedTimestamp: string }[] }
  }
  dsseEnvelope?: { payload: string; payloadType: string; signatures: { sig: string; keyid?: string }[] }
  messageSignature?: { messageDigest: { algorithm: string; digest: string }; signature: string }
}

export interface EntryJson {
  logIndex: string
  logId: { keyId: string }
  kindVersion: { kind: string; version: string }
  integratedTime?: string
  inclusionProof: {
    logIndex: string
    rootHash: string
    treeSize: string
    hashes: string[]
    checkpoint: { envelope: string }
  }
  canonicalizedBody: string
}

export interface RootJson {
  mediaType: string
  tlogs: {
    baseUrl: string
    hashAlgorithm: string
    publicKey: { rawBytes: string; keyDetails: string; validFor: { start: string; end?: string } }
    logId: { keyId: string }
  }[]
  certificateAuthorities: AuthorityJson[]
  ctlogs: unknown[]
  timestampAuthorities: AuthorityJson[]
}

export interface AuthorityJson {
  subject: { organization: string; commonName: string }
  uri: string
  certChain: { certificates: { rawBytes: string }[] }
  validFor: { start: string; end?: string }
}
