import type { FoundLiveness } from '../findings/index.ts'

/** What the vendor says of a secret, on one line. It is the vendor's word, and not escaped. */
export function livenessLine(
  { state, at, why, whose, can, revocable }: FoundLiveness,
  fingerprint: string,
): string {
  const where = at === '' ? '' : ` at ${at}`
  if (state === 'unknown') return `not known whether it is alive${where}: ${why ?? ''}`
  if (state === 'dead') return `dead${where}`
  return [
    `ALIVE${where}`,
    ...(whose === undefined ? [] : [`of ${whose}`]),
    ...(can === undefined ? [] : [`it may: ${can.join(', ')}`]),
    ...(revocable ? [`mayfly scan --revoke ${fingerprint} ends it`] : []),
  ].join('; ')
}
