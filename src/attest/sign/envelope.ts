/** DSSE: what a signature is over (pre-authentication encoding, DSSE protocol v1.0.2). */
export function preAuthentication(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType)
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    payload,
  ])
}

export interface Envelope {
  readonly payload: string
  readonly payloadType: string
  readonly signatures: readonly { readonly sig: string; readonly keyid: string }[]
}

/** `keyid` stands even where it is empty: some readers of DSSE want it. */
export function envelopeOf(
  payloadType: string,
  payload: Uint8Array,
  signatures: readonly { readonly signature: Uint8Array; readonly keyId: string }[],
): Envelope {
  return {
    payload: Buffer.from(payload).toString('base64'),
    payloadType,
    signatures: signatures.map(({ signature, keyId }) => ({
      sig: Buffer.from(signature).toString('base64'),
      keyid: keyId,
    })),
  }
}

export const statementType = 'application/vnd.in-toto+json'
