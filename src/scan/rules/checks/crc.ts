import { crc32 } from 'node:zlib'
import { heldIf, doubtful, type Verdict } from './verdict.ts'

const base62Digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

export function base62(number: number | bigint, length: number): string {
  let text = ''
  for (let rest = BigInt(number); rest > 0n; rest /= 62n) text = base62Digits[Number(rest % 62n)] + text
  return text.padStart(length, '0')
}

/** The last six characters of GitHub's and npm's tokens: CRC-32 of what stands between the prefix and them, in base 62. */
export function githubSum(random: string): string {
  return base62(crc32(random), 6)
}

/** github.blog, "Behind GitHub's new authentication token formats"; npm's tokens since 2021 have the same. */
export function checkGithub(secret: string): Verdict {
  const body = secret.slice(secret.indexOf('_') + 1)
  return heldIf(githubSum(body.slice(0, -6)) === body.slice(-6))
}

/** grafana/grafana, pkg/components/satokengen: CRC-32 of all before the last underscore, its bytes from the lowest. */
export function grafanaSum(before: string): string {
  const sum = Buffer.alloc(4)
  sum.writeUInt32LE(crc32(before))
  return sum.toString('hex')
}

export function checkGrafana(secret: string): Verdict {
  const at = secret.lastIndexOf('_')
  return heldIf(grafanaSum(secret.slice(0, at)) === secret.slice(at + 1), doubtful)
}

/** gitlab-org/gitlab, lib/authn/token_field/generator/routable_token.rb: CRC-32 of all before it, prefix too, in base 36. */
export function gitlabSum(before: string): string {
  return crc32(before).toString(36).padStart(7, '0')
}

/** The payload's length stands before the checksum, as two digits in base 36; whoever has a prefix of his own has it in the sum. */
export function checkGitlabRoutable(secret: string): Verdict {
  return heldIf(gitlabSum(secret.slice(0, -7)) === secret.slice(-7), doubtful)
}

const cratesAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** rust-lang/crates.io, crates/crates_io_trustpub/src/access_token.rs: all bytes by exclusive or. */
export function cratesSum(random: string): string {
  const sum = Buffer.from(random, 'latin1').reduce((all, byte) => all ^ byte, 0)
  return cratesAlphabet.charAt(sum % cratesAlphabet.length)
}

export function checkCratesPublishing(secret: string): Verdict {
  const body = secret.slice('cio_tp_'.length)
  return heldIf(cratesSum(body.slice(0, -1)) === body.slice(-1), doubtful)
}

/** ISO/IEC 7812-1, annex B. */
export function checkLuhn(secret: string): Verdict {
  const digits = Array.from(secret.replaceAll(/[^0-9]/g, '')).toReversed()
  const sum = digits.reduce((all, digit, at) => {
    const twice = Number(digit) * (at % 2 === 0 ? 1 : 2)
    return all + (twice > 9 ? twice - 9 : twice)
  }, 0)
  return heldIf(digits.length >= 12 && sum % 10 === 0)
}
