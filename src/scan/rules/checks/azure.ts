import { marvin32 } from './marvin.ts'
import { heldIf, doubtful, type Verdict } from './verdict.ts'

/**
 * The seeds that Microsoft publishes for each signature, in microsoft/security-utilities, IdentifiableMetadata.cs. A service may
 * have more than those, so a key that fits none of them is not called a wrong one.
 */
const seeds: Readonly<Record<string, readonly bigint[]>> = {
  '+ASt': [ascii('Default0')],
  ACDb: ['SysAll00', 'Resour00', 'MastRO00', 'SystRO00', 'Encryp00', 'MastRW00', 'SystRW00'].map(ascii),
  '+ABa': [ascii('AbAcct00')],
  APIM: ['Tenant00', 'IoTHub00', 'Gatewy00', 'GitKey00'].map(ascii),
  '+AMC': [ascii('Classic0')],
  '+ASb': ['Send0000', 'Manage00', 'Listen00'].map(ascii),
  '+AEh': ['Send0000', 'Manage00', 'Listen00'].map(ascii),
  '+ARm': ['Send0000', 'Manage00', 'Listen00'].map(ascii),
  AIoT: ['IoTHub00', 'DpsKey00', 'Device00'].map(ascii),
  AzCa: [ascii('Access00')],
  AzSe: ['Query000', 'PAdmin00'].map(ascii),
  AzFu: ['Master00', 'System00', 'Functi00'].map(ascii),
  '+ACR': [ascii('ACRDflt0')],
}

function ascii(text: string): bigint {
  return Buffer.from(text, 'latin1').readBigUInt64BE(0)
}

/** The four bytes behind a signature: of all before them. */
function azureSum(data: Buffer, seed: bigint): Buffer {
  const sum = Buffer.alloc(4)
  sum.writeUInt32LE(marvin32(data, seed))
  return sum
}

/** What follows `before`, which ends with a signature: six bits a character, so the last one before may reach into it. */
export function azureTail(before: string): string {
  const seed = seeds[before.slice(-4)]?.[0] ?? 0n
  const data = Buffer.from(before + 'A'.repeat(4 - (before.length % 4 || 4)), 'base64')
  const bytes = data.subarray(0, Math.ceil((before.length * 6) / 8))
  return Buffer.concat([bytes, azureSum(bytes, seed)])
    .toString('base64')
    .slice(before.length)
}

export function checkAzureKey(secret: string): Verdict {
  const text = secret.replaceAll('%3D', '=').replace(/=+$/, '')
  const bytes = Buffer.from(text, 'base64')
  const known = seeds[text.slice(-10, -6)] ?? []
  const [data, sum] = [bytes.subarray(0, -4), bytes.subarray(-4)]
  return heldIf(
    known.some((seed) => azureSum(data, seed).equals(sum)),
    doubtful,
  )
}
