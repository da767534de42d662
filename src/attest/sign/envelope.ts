/** DSSE. */
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
