export const oids = {
  ...{
    ecPublicKey: '1.2.840.10045.2.1',
    p256: '1.2.840.10045.3.1.7',
    ecdsaWithSha256: '1.2.840.10045.4.3.2',
  },
  ...{ commonName: '2.5.4.3', organization: '2.5.4.10' },
  ...{ basicConstraints: '2.5.29.19', keyUsage: '2.5.29.15', extendedKeyUsage: '2.5.29.37' },
  ...{ subjectKeyIdentifier: '2.5.29.14', authorityKeyIdentifier: '2.5.29.35' },
  timeStamping: '1.3.6.1.5.5.7.3.8',
  signedData: '1.2.840.113549.1.7.2',
  timestampInfo: '1.2.840.113549.1.9.16.1.4',
  ...{ contentType: '1.2.840.113549.1.9.3', messageDigest: '1.2.840.113549.1.9.4' },
  ...{ signingTime: '1.2.840.113549.1.9.5', signingCertificateV2: '1.2.840.113549.1.9.16.2.47' },
  sha256: '2.16.840.1.101.3.4.2.1',
  /** anyPolicy (RFC 5280, section 4.2.1.4): this authority states no policy of its own. */
  anyPolicy: '2.5.29.32.0',
} as const

/** The hashes that a request may be about, and how many bytes each has. */
export const imprintBytes: ReadonlyMap<string, number> = new Map([
  [oids.sha256, 32],
  ['2.16.840.1.101.3.4.2.2', 48],
  ['2.16.840.1.101.3.4.2.3', 64],
])
