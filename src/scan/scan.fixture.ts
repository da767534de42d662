import type { Rule } from './engine/index.ts'
import type { Finding } from './findings/index.ts'
import { createScanner, type Looked, type ScannerOptions } from './index.ts'
import type { Batch } from './sources/index.ts'
import type { Unseen } from './unpack/index.ts'

export function ruleOf(part: Partial<Rule> & Pick<Rule, 'keywords' | 'pattern'>): Rule {
  return {
    id: 'acme-token',
    title: 'Acme token',
    vendor: 'Acme',
    source: 'https://acme.example/tokens',
    confidence: 'likely',
    examples: { positive: ['acme_{digits:8}'], negative: ['acme'] },
    ...part,
  }
}

export const acmeRule = ruleOf({ keywords: ['acme_'], pattern: '\\b(acme_[0-9]{8})\\b' })

/** A batch of texts by their names. */
export function batchOf(texts: Readonly<Record<string, string | Buffer>>): Batch {
  const buffers = Object.values(texts).map((text) => Buffer.from(text))
  const all = Buffer.concat(buffers)
  let at = 0
  const parts = Object.keys(texts).map((name, i) => {
    const bytes = buffers[i]?.length ?? 0
    at += bytes
    return { kind: 'bytes', name, at: at - bytes, bytes } as const
  })
  const buffer = new SharedArrayBuffer(all.length)
  new Uint8Array(buffer).set(all)
  return { parts, buffer }
}

export interface Scanned extends Looked {
  readonly findings: readonly Finding[]
  readonly unseen: readonly Unseen[]
  readonly more: readonly string[]
}

export async function scanAll(
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  options: Partial<ScannerOptions> = {},
): Promise<Scanned> {
  const [findings, unseen, more]: [Finding[], Unseen[], string[]] = [[], [], []]
  const settings = { without: 'all', rules: [acmeRule], ...options.settings } as const
  await using scanner = createScanner({ nowMs: Date.UTC(2027, 0, 1), ...options, settings })
  const looked = await scanner.scan(batches, {
    findings: (list) => findings.push(...list),
    unseen: (one) => unseen.push(one),
    more: (name, count) => more.push(`${name} ${count}`),
  })
  return { ...looked, findings, unseen, more }
}
