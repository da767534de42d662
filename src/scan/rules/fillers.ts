import { MayflyError } from '../../lib/index.ts'
import { azureTail } from './checks/azure.ts'
import { cratesSum, githubSum, gitlabSum, grafanaSum } from './checks/crc.ts'
import { bech32Sum, nkeySeed } from './checks/encodings.ts'
import { keyFillers } from './fillers-keys.ts'
import { tokenFillers } from './fillers-tokens.ts'
import { characters, randomBytesOf, type Filler } from './filling.ts'

const digits = '0123456789'
const lower = 'abcdefghijklmnopqrstuvwxyz'
const upper = lower.toUpperCase()

const alphabets = {
  alnum: upper + lower + digits,
  alpha: upper + lower,
  hex: `${digits}abcdef`,
  HEX: `${digits}ABCDEF`,
  base64: `${upper}${lower}${digits}+/`,
  base64url: `${upper}${lower}${digits}-_`,
  base32: `${upper}234567`,
  base32lower: `${lower}234567`,
  base58: `123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz`,
  bech32: 'qpzry9x8gf2tvdw0s3jn54khce6mua7l',
  BECH32: 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L',
  digits,
  upper,
  lower,
  uppernum: upper + digits,
  UPPER_NUM: upper + digits,
  lowernum: lower + digits,
  printable: `${upper}${lower}${digits}!#%&()*+,-.:;=?@[]^_{|}~`,
} as const

/** The examples of a rule file are anybody's: a rule of ours has 2,000 at most. */
const maxCharacters = 10_000

/** `36`, or `20-40` for some number between the two. */
function lengthOf(told: string, random: () => number): number {
  const [least = 0, most = least] = told.split('-').map(Number)
  if (!/^[0-9]{1,5}(?:-[0-9]{1,5})?$/.test(told) || most < least || most > maxCharacters)
    throw new MayflyError('bad_input', `an example has a length of ${told.slice(0, 20)}: write 36 or 20-40`)
  return least + Math.floor(random() * (most - least + 1))
}

function lettersOf(alphabet: string): Filler {
  return ({ told, random }) => characters(alphabet, lengthOf(told, random), random)
}

/** The end of what stands before that is of one token. */
function tokenBefore(before: string, pattern: RegExp): string {
  return pattern.exec(before)?.[0] ?? ''
}

const sums: Readonly<Record<string, Filler>> = {
  'github-crc': ({ before }) => githubSum(tokenBefore(before, /[A-Za-z0-9]*$/)),
  'npm-crc': ({ before }) => githubSum(tokenBefore(before, /[A-Za-z0-9]*$/)),
  'grafana-crc': ({ before }) => grafanaSum(tokenBefore(before, /[A-Za-z0-9_]*$/).replace(/_$/, '')),
  'gitlab-crc': ({ before }) => gitlabSum(tokenBefore(before, /[A-Za-z0-9_.-]*$/)),
  'crates-sum': ({ before }) => cratesSum(tokenBefore(before, /[A-Za-z0-9]*$/)),
  'azure-tail': ({ before }) => {
    const token = tokenBefore(before, /[A-Za-z0-9+/_-]*$/)
    const tail = azureTail(token)
    return token.endsWith('AzFu') ? tail.replaceAll('+', '-').replaceAll('/', '_') : tail
  },
  /** `{azure-alnum:AzSe}`: some keys are made again until no other characters are in them. */
  'azure-alnum': ({ told, random }) => {
    for (let tries = 0; tries < 1000; tries++) {
      const token = characters(alphabets.alnum, 42, random) + told
      const key = token + azureTail(token)
      if (/^[A-Za-z0-9]*$/.test(key)) return key
    }
    throw new MayflyError('bad_input', 'an example has {azure-alnum} of no signature of letters and digits')
  },
  nkey: ({ told, random }) => nkeySeed(told, randomBytesOf(32, random)),
  'age-sum': ({ before }) => {
    const token = tokenBefore(before, /AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]*$/)
    const at = token.lastIndexOf('-1') + 1
    return bech32Sum(token.slice(0, at), token.slice(at + 1)).toUpperCase()
  },
}

/** What a template may ask for, by name. */
export const fillers: Readonly<Record<string, Filler>> = {
  ...Object.fromEntries(
    Object.entries(alphabets).map(([name, alphabet]) => [name, lettersOf(alphabet)] as const),
  ),
  ...sums,
  ...keyFillers,
  ...tokenFillers,
}
