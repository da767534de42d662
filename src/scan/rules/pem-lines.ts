import { checkOpenssh, checkPem } from './checks/keys.ts'
import { doubtful, failed, type Verdict } from './checks/verdict.ts'

/**
 * Private keys whose lines have something before or behind them: as a patch, a comment, a quotation, a log, code or an address has them.
 * One that has nothing of this is the pattern's of its own kind.
 */
export interface PemLines {
  /** `RSA PRIVATE KEY`. */
  readonly label: string
  /** The base64 of the lines, put together. */
  readonly body: string
  /** Behind the footer; behind the last line, if there is none. */
  readonly end: number
}

/** A key of 8,192 bits has 6.4 kB in base64, and may have as much again around it. */
const mostBytes = 14_000

const header =
  /^-----BEGIN(?:[ +]|%20)((?:(?:RSA|EC|DSA|OPENSSH|PGP)(?:[ +]|%20))?PRIVATE(?:[ +]|%20)KEY(?:(?:[ +]|%20)BLOCK)?)-----/
const leastLine = 40
/** So much base64 makes a key likely whose structure does not hold. */
const leastDoubted = 100

/** Line ends as they are, and as JSON, C, PowerShell, addresses and HTML write them. */
const lineEnd =
  /((?:\r?\n|\r|\\{1,4}[nr]|\\{1,4}u000[aAdD]|\\{1,4}x0[aAdD]|\\{1,2}01[25]|`[nr]|%0[aAdD]|&#(?:x0{0,6}[aAdD]|0{0,6}1[03]);|<br ?\/?>){1,4})/

/** What the text has from its header on, that it begins with. Undefined if that is no private key's, or no line of base64 follows. */
export function pemLinesOf(text: string): PemLines | undefined {
  const head = header.exec(text)
  if (head === null) return undefined
  const rest = text.slice(head[0].length, mostBytes)
  const stop = rest.search(/-----(?:BEGIN|END)/)
  const region = stop === -1 ? rest : rest.slice(0, stop)
  const read = readLines(region)
  if (read === undefined) return undefined
  const footer = stop === -1 ? null : /^-----END[ +%\w]{1,40}-----/.exec(rest.slice(stop, stop + 60))
  const length = footer === null ? read.end : stop + footer[0].length
  return { label: (head[1] ?? '').replaceAll(/[+]|%20/g, ' '), body: read.body, end: head[0].length + length }
}

/** The lines of a key are of one length, but for the last, and begin in one column, or nearly so. */
function readLines(region: string): { readonly body: string; readonly end: number } | undefined {
  let [column, width, at, end, body, empty] = [0, 0, 0, 0, '', 0]
  // Odd ones are the line ends.
  for (const [i, raw] of region.split(lineEnd).entries()) {
    const from = at
    at += raw.length
    if (i % 2 === 1) continue
    const line = plainLine(raw)
    if (width === 0) {
      const first = firstLine(line)
      if (first === undefined) continue
      ;[column, width, body, end] = [first.column, first.text.length, first.text, at]
    } else {
      const text = nextLine(line, column, width)
      // Between two may stand `" +`, or nothing.
      if (text === '' && ++empty > 2) break
      if (text === '') continue
      ;[body, empty, end] = [body + text, 0, from + raw.length]
      if (text.length < width) break
    }
  }
  return width === 0 ? undefined : { body, end }
}

/** As addresses, JSON and HTML write `+`, `/` and `=`. */
function plainLine(line: string): string {
  return line
    .replaceAll(
      /%(2[bBfF]|3[dD])|\\{1,4}(?:u00|x)(2[bBfF]|3[dD])|&#(?:x(2[bBfF]|3[dD])|(43|47|61));/g,
      (_, a?: string, b?: string, c?: string, d?: string) =>
        String.fromCharCode(d === undefined ? Number.parseInt(a ?? b ?? c ?? '', 16) : Number(d)),
    )
    .replaceAll('\\/', '/')
}

const runs = /[A-Za-z0-9+/]+={0,2}/g
/** How the base64 of a key begins: a SEQUENCE, OpenSSH's magic, a secret-key packet. */
const begins = /^(?:M[A-Z]|b3BlbnNzaC1rZXkt|l[A-Za-z]|x[Vc])/

function firstLine(line: string): { readonly text: string; readonly column: number } | undefined {
  for (const { 0: run, index } of line.matchAll(runs)) {
    if (run.length < leastLine) continue
    // A patch's `+` stands right in front.
    const glued = run.length % 4 === 1 && run.startsWith('+') ? 1 : 0
    const text = run.slice(glued)
    if (begins.test(text)) return { text, column: index + glued }
  }
  return undefined
}

function nextLine(line: string, column: number, width: number): string {
  const inColumn = /^[A-Za-z0-9+/]+={0,2}/.exec(line.slice(column, column + width))?.[0] ?? ''
  if (inColumn.length === width) return inColumn
  const all = line.match(runs) ?? []
  const whole = all.find(({ length }) => length === width)
  if (whole !== undefined) return whole
  // The last line of a key is whole with its padding.
  if (inColumn.length % 4 === 0 && inColumn !== '') return inColumn
  return all.findLast(({ length }) => length % 4 === 0 && length < width) ?? ''
}

/** What may stand around the lines where a pattern finds the key. */
const plain = /^[\\\s"'+rn]{0,40}[Mb][A-Za-z0-9][A-Za-z0-9+/=\\\s"',]{56,}/
const plainPgp =
  /^[\\\srn]{0,8}(?:(?:Version|Comment|Charset): [^\r\n]{0,120}\r?\n){0,4}\s{0,8}[lx][A-Za-z0-9+/=\\\s]{100,}/

/** Finds a key whose header has this keyword, if its own pattern does not. */
export function findPemLines(
  bytes: Buffer,
  from: number,
  to: number,
): { start: number; end: number } | undefined {
  const low = Math.max(0, from - 24)
  const at = bytes.subarray(low, from + 5).lastIndexOf('-----BEGIN')
  if (at === -1) return undefined
  const start = low + at
  const behind = bytes.subarray(to, start + mostBytes)
  const next = behind.indexOf('-----BEGIN')
  const footer = behind.subarray(0, next === -1 ? behind.length : next).indexOf('-----END')
  const length = footer !== -1 ? footer + 60 : next === -1 ? behind.length : next
  const text = bytes.toString('latin1', start, to + length)
  const read = pemLinesOf(text)
  if (read === undefined) return undefined
  const asPlain = plainVerdict(read.label, text.slice(text.indexOf('-----', 5) + 5))
  const isFound = asPlain === 'doubtful' ? verdictOf(read).verdict !== 'held' : asPlain !== 'failed'
  return isFound ? undefined : { start, end: start + read.end }
}

/** What its own pattern and check say of a key. */
function plainVerdict(label: string, rest: string): Verdict['verdict'] {
  if (label.startsWith('PGP')) return plainPgp.test(rest) ? 'open' : 'failed'
  const body = plain.exec(rest)?.[0]
  if (body === undefined) return 'failed'
  return (label.startsWith('OPENSSH') ? checkOpenssh : checkPem)(body).verdict
}

/** What these lines are, put together: a private key that opens without a passphrase. */
export function checkPemLines(secret: string): Verdict {
  const read = pemLinesOf(secret)
  return read === undefined ? failed : verdictOf(read)
}

function verdictOf({ label, body }: PemLines): Verdict {
  const verdict = label.startsWith('OPENSSH')
    ? checkOpenssh(body)
    : label.startsWith('PGP')
      ? checkPgp(body)
      : checkDer(body)
  const isOther = verdict.note?.startsWith('under a passphrase') === true
  // One line that is begun so may be of a pattern, or of what tells what keys look like.
  return isOther || (verdict.verdict === 'doubtful' && body.length < leastDoubted) ? failed : verdict
}

/** RFC 9580, 4.2 and 5.5.3: a packet of tag 5, of version 3 to 6. Whether its key is under a passphrase stands far behind. */
function checkPgp(body: string): Verdict {
  const bytes = Buffer.from(body, 'base64')
  const tag = bytes[0] ?? 0
  const lengthBytes = tag === 0xc5 ? newLength(bytes[1] ?? 0) : (tag & 0xfc) === 0x94 ? 1 << (tag & 3) : 0
  const version = bytes[1 + lengthBytes] ?? 0
  return lengthBytes > 0 && body.length >= 100 && version >= 3 && version <= 6 ? doubtful : failed
}

function newLength(first: number): number {
  return first < 192 ? 1 : first < 224 ? 2 : 5
}

function checkDer(body: string): Verdict {
  const verdict = checkPem(body)
  if (verdict.verdict !== 'failed' || body.length < leastDoubted) return verdict
  // SEQUENCE, its length, and a version of 0 or 1: so they begin all, and what follows was not put together right.
  const isBegun = /^30(?:8[12])?(?:..){1,2}02010[01]/.test(
    Buffer.from(body.slice(0, 16), 'base64').toString('hex'),
  )
  return isBegun ? { ...doubtful, note: 'its lines could not be put together' } : failed
}
