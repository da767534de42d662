import { dumpNames, dumpOf } from './dumps.ts'
import { bashQuoted, encoders } from './encoders.ts'
import type { Random } from './random.ts'

/** An output, and what must be shown of it. */
export interface MaskingCase {
  readonly form: string
  readonly output: Buffer
  /** Where the form begins. */
  readonly formAt: number
  readonly expected: Buffer
}

const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

const kinds: readonly ((random: Random) => string)[] = [
  (random) => `ghp_${random.letters(36, alphanumeric)}`,
  (random) => random.letters(10 + random.below(54), alphanumeric),
  (random) => random.letters(32, '0123456789abcdef'),
  (random) => random.letters(40, `${alphanumeric}+/`),
  (random) => `a${random.letters(12 + random.below(20), `${alphanumeric}!"#$%&'()*,;<>?@[]^_{|}~\``)}z`,
  (random) => `a${random.letters(12 + random.below(12), `${alphanumeric}\\ "'$é日ß`)}z`,
]

/** Secrets of one job. */
export function someSecrets(random: Random, count: number): string[] {
  return Array.from({ length: count }, () => random.pick(kinds)(random))
}

/** Cases for these secrets: each holds one in some form among lines of a log, or something that only resembles one. */
export function createCases(random: Random, secrets: readonly string[]): () => MaskingCase {
  const decoys = secrets.map((secret) => resembling(random, secret))
  const quoted = bashQuoted(secrets)
  const quotedDecoys = bashQuoted(decoys)
  const names = [...Object.keys(encoders), ...dumpNames, ...(quoted === undefined ? [] : ['%q of bash'])]
  return () => {
    const form = random.pick(names)
    const at = random.below(secrets.length)
    const isDecoy = random.below(4) === 0
    const text = (isDecoy ? decoys : secrets)[at] as string
    const shell = (isDecoy ? quotedDecoys : quoted)?.[at] ?? ''
    const { shown, masked } = formOf(form, text, shell, random)
    const [before, after] = [`${log(random)}[`, `]${log(random)}`]
    const around = (middle: Uint8Array) => Buffer.concat([Buffer.from(before), middle, Buffer.from(after)])
    const output = around(Buffer.from(shown))
    return {
      form,
      output,
      formAt: Buffer.byteLength(before),
      expected: isDecoy ? output : around(Buffer.from(masked)),
    }
  }
}

function formOf(
  form: string,
  text: string,
  shell: string,
  random: Random,
): { readonly shown: string | Buffer; readonly masked: string } {
  if (dumpNames.includes(form)) return dumpOf(form, text, random)
  const encoder = encoders[form]
  // In $'…' the quotes are of the form.
  const shown = encoder === undefined ? shell.replace(/^\$'(.*)'$/, '$1') : encoder(text, random)
  return { shown, masked: '***' }
}

/** The same text with one or two characters in its middle changed. */
function resembling(random: Random, secret: string): string {
  const characters = Array.from(secret)
  const middle = characters.length >> 1
  for (const at of [middle, middle + 1]) {
    const now = characters[at] as string
    let other = now
    while (other === now) other = random.letters(1, alphanumeric)
    characters[at] = other
  }
  return characters.join('')
}

const lines: readonly ((random: Random) => string)[] = [
  () => '2026-11-28T07:59:58.123Z added 214 packages in 3s\n',
  (random) => `ok ${random.below(1000)} - returns denied\n`,
  (random) => `sha256:${random.letters(64, '0123456789abcdef')}\n`,
  (random) => `integrity sha512-${random.letters(86, `${alphanumeric}+/`)}==\n`,
  (random) => `\x1b[32m✔\x1b[0m ${random.noise(30)}\n`,
  (random) => `\rprogress ${random.below(100)}% [=====>    ]`,
  (random) => `${JSON.stringify({ level: 30, id: random.noise(12), text: 'ümlaut' })}\n`,
  (random) => Array.from({ length: 16 }, () => random.letters(2, '0123456789abcdef')).join(' '),
  (random) => `${random.noise(20)}\r\n`,
  () => '\x1b[2K\x1b[1A',
  () => '',
]

function log(random: Random): string {
  return Array.from({ length: random.below(4) }, () => random.pick(lines)(random)).join('')
}

/** The same bytes in pieces: whole, one by one, or of any lengths. */
export function pieces(random: Random, output: Buffer): Buffer[] {
  const most = random.pick([output.length, output.length, 1, 7, 100])
  const parts: Buffer[] = []
  for (let at = 0; at < output.length;) {
    const length = most === output.length ? most : 1 + random.below(most)
    parts.push(output.subarray(at, at + length))
    at += length
  }
  return parts
}
