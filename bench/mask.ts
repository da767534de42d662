import { createHash } from 'node:crypto'
import { Secret } from '../src/lib/index.ts'
import { createMasker } from '../src/runner/mask/index.ts'
import type { BenchResult } from './result.ts'

const secretCount = 100
const sampleBytes = 8_388_608
const chunkBytes = 65_536
const rounds = 15
const targetMegabytesPerSecond = 200

/** Throughput of the masker, one core, 100 secrets of 40 characters in all forms: the median of 15 rounds. */
export async function benchMask(): Promise<BenchResult[]> {
  const secrets = Array.from({ length: secretCount }, (_, i) => new Secret(secretText(i)))
  const builds = Array.from({ length: 5 }, () => elapsedMs(() => createMasker(secrets)))
  const results: BenchResult[] = [{ name: 'mask: register 100 secrets', value: median(builds), unit: 'ms' }]
  for (const [name, sample, target] of samples()) {
    const value = megabytesPerSecond(secrets, sample, chunkBytes)
    const result: BenchResult = { name: `mask: ${name}`, value, unit: 'MB/s' }
    if (target) {
      result.target = `>= ${targetMegabytesPerSecond} MB/s`
      result.ok = value >= targetMegabytesPerSecond
    }
    results.push(result)
  }
  const small = megabytesPerSecond(secrets, ciLog().subarray(0, 1_048_576), 100)
  results.push({ name: 'mask: CI log in writes of 100 bytes', value: small, unit: 'MB/s' })
  return results
}

function samples(): [name: string, sample: Buffer, target: boolean][] {
  return [
    ['CI log', ciLog(), true],
    ['CI log, a secret every 100 lines', ciLog(`token ${secretText(7)}`), false],
    ['CI log, coloured', colouredLog(), false],
    ['base64, one line', Buffer.from(randomText('base64')), false],
    ['base64, lines of 76', Buffer.from(randomText('base64').replaceAll(/.{76}/g, '$&\n')), false],
    ['hex digests', Buffer.from(randomText('hex').replaceAll(/.{64}/g, '$&  file\n')), false],
    ['minified JS', minified(), false],
  ]
}

function megabytesPerSecond(secrets: readonly Secret[], sample: Buffer, size: number): number {
  const masker = createMasker(secrets)
  const round = () => {
    const stream = masker.stream()
    for (let at = 0; at < sample.length; at += size) stream.write(sample.subarray(at, at + size))
    stream.end()
  }
  for (let i = 0; i < 3; i++) round()
  const times = Array.from({ length: rounds }, () => elapsedMs(round))
  return Math.round(sample.length / 1000 / median(times))
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
