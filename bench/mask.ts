import { createHash } from 'node:crypto'
import { Secret } from '../src/lib/index.ts'
import { createMasker } from '../src/mask/index.ts'
import type { BenchResult } from './result.ts'

const sampleBytes = 8_388_608
const chunkBytes = 65_536
const rounds = 9

interface Run {
  readonly name: string
  readonly sample: Buffer
  readonly secrets: number
  readonly chunkBytes: number
  readonly target?: number
}

/** Throughput of the masker on one core, for secrets of 40 characters in all forms: the median of 9 rounds. */
export async function benchMask(): Promise<BenchResult[]> {
  const results = [1, 100, 1_000].map((count): BenchResult => {
    const secrets = secretsOf(count)
    const builds = Array.from({ length: count === 1 ? 15 : 3 }, () => elapsedMs(() => createMasker(secrets)))
    return { name: `mask: register ${count} secrets`, value: round(median(builds)), unit: 'ms' }
  })
  // What no masker in this language can be faster than: it reads each byte once.
  const plain = ciLog()
  const least = throughput(() => bareLoop(plain), sampleBytes)
  results.push({ name: 'mask: a loop that reads each byte', value: Math.round(least), unit: 'MB/s' })
  for (const run of runs()) {
    const value = maskingOf(run)
    const name = `mask: ${run.name}, ${run.secrets} secrets`
    const result: BenchResult = { name, value: Math.round(value), unit: 'MB/s' }
    if (run.target !== undefined)
      Object.assign(result, { target: `>= ${run.target} MB/s`, ok: value >= run.target })
    results.push(result, { name: `${name}, beside the loop`, value: round(value / least), unit: 'x' })
  }
  return results
}

function runs(): Run[] {
  const log = ciLog()
  const hundred = { secrets: 100, chunkBytes }
  return [
    { name: 'CI log', sample: log, secrets: 1, chunkBytes },
    { name: 'CI log', sample: log, ...hundred, target: 300 },
    { name: 'CI log', sample: log, secrets: 1_000, chunkBytes, target: 100 },
    {
      name: 'CI log in writes of 100 bytes',
      sample: log.subarray(0, 1_048_576),
      secrets: 100,
      chunkBytes: 100,
      target: 100,
    },
    { name: 'CI log, coloured', sample: colouredLog(), ...hundred, target: 200 },
    { name: 'CI log, a secret every 100 lines', sample: ciLog(`token ${secretText(7)}`), ...hundred },
    { name: 'base64, one line', sample: Buffer.from(randomText('base64')), ...hundred },
    {
      name: 'base64, lines of 76',
      sample: Buffer.from(randomText('base64').replaceAll(/.{76}/g, '$&\n')),
      ...hundred,
    },
    {
      name: 'hex digests',
      sample: Buffer.from(randomText('hex').replaceAll(/.{64}/g, '$&  file\n')),
      ...hundred,
    },
    { name: 'hexdump', sample: hexdump(), ...hundred },
    { name: 'minified JS', sample: minified(), ...hundred },
  ]
}

function secretsOf(count: number): Secret[] {
  return Array.from({ length: count }, (_, i) => new Secret(secretText(i)))
}

function maskingOf(run: Run): number {
  const masker = createMasker(secretsOf(run.secrets))
  return throughput(() => {
    const stream = masker.stream()
    for (let at = 0; at < run.sample.length; at += run.chunkBytes)
      stream.write(run.sample.subarray(at, at + run.chunkBytes))
    stream.end()
  }, run.sample.length)
}

/** MB/s */
function throughput(once: () => void, bytes: number): number {
  for (let i = 0; i < 2; i++) once()
  return bytes / 1000 / median(Array.from({ length: rounds }, () => elapsedMs(once)))
}

function bareLoop(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i++) sum = (Math.imul(sum, 31) + (bytes[i] as number)) | 0
  return sum
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

/** As `hexdump -C` prints random bytes. */
function hexdump(): Buffer {
  return fill((i) => {
    const row = digest(i).subarray(0, 16)
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    return `${(i * 16).toString(16).padStart(8, '0')}  ${hex}  |${'.'.repeat(16)}|\n`
  })
}

function elapsedMs(run: () => unknown): number {
  const start = performance.now()
  run()
  return performance.now() - start
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

function digest(i: number | string): Buffer {
  return createHash('sha512').update(String(i)).digest()
}

/** 40 characters, as tokens have: a prefix that many share and random letters. */
function secretText(i: number): string {
  const random = digest(`s${i}`).toString('base64').replaceAll(/[+/=]/g, 'x')
  return `${i % 2 === 0 ? 'ghp_' : 'npm_'}${random.slice(0, 36)}`
}

function fill(line: (i: number) => string): Buffer {
  const lines: string[] = []
  let length = 0
  for (let i = 0; length < sampleBytes; i++) {
    const text = line(i)
    lines.push(text)
    length += text.length
  }
  return Buffer.from(lines.join('')).subarray(0, sampleBytes)
}

const words =
  `building resolving src/runner/step.ts node_modules/typescript/lib/tsc.js warning: unused variable
 passed (12 ms) Downloading https://registry.example.com/undici/-/undici-8.12.4.tgz sha512 cache hit for key
 linux-x64-node-26 added 214 packages, and audited 215 packages in 3s ok 17 - returns denied error TS2345:
 Argument of type 'string' is not assignable to parameter of type 'number'.`.split(/\s+/)

function logLine(i: number): string {
  const random = digest(i)
  const time = new Date(1_780_000_000_000 + i * 137).toISOString()
  const text = Array.from(
    { length: 6 + ((random[0] ?? 0) % 10) },
    (_, k) => words[(random[k + 1] ?? 0) % words.length],
  )
  return `${time} ${text.join(' ')}${i % 9 === 0 ? ` ${random.toString('hex', 20, 40)}` : ''}\n`
}

function ciLog(extra = ''): Buffer {
  return fill((i) => (extra !== '' && i % 100 === 0 ? `${extra}\n` : logLine(i)))
}

function colouredLog(): Buffer {
  return fill(
    (i) =>
      `\x1b[2m${logLine(i)
        .replaceAll(/(passed|warning:|ok)/g, '\x1b[32m$1\x1b[0m')
        .replace(' ', '\x1b[0m ')}`,
  )
}

function randomText(encoding: 'base64' | 'hex'): string {
  return fill((i) =>
    Buffer.concat([digest(i), digest(-i)])
      .toString(encoding)
      .slice(0, 168),
  ).toString()
}

function minified(): Buffer {
  const names = 'abcdefghijklmnopqrstuvwxyzABCDEFGH'
  return fill((i) => {
    const [a = 0, b = 0, c = 0] = digest(i)
    const name = (n: number) => `${names[n % names.length]}${n % 3 === 0 ? n % 10 : ''}`
    const body = `return null==t?void 0:${name(c)}[${a}].call(this,{key:"${name(b)}",value:!0})`
    return `function ${name(a)}(${name(b)},t){${body}}`
  })
}
