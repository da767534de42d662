import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Signing } from '../../gateway/attestations.fixture.ts'
import { MayflyError } from '../../lib/index.ts'
import { asJson, writeJunit } from './report.ts'
import { exitCodeOf, verifyAll, type VerifyOptions } from './verify.ts'

export const sha256 = (bytes: string | Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
export const content = 'what was built\n'

export interface Result {
  readonly code: number
  readonly artifacts: readonly ReturnType<typeof asJson>[]
  readonly error: string
}

export async function openFolder(t: TestContext, signing: Signing) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-verify-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const at = (name: string) => join(folder, name)
  const write = (name: string, text: string) => {
    writeFileSync(at(name), text)
    return at(name)
  }
  const root = write('root.json', signing.root)
  return {
    ...{ at, write, root },
    file: write('app.tgz', content),
    async run(names: readonly string[], options: Partial<VerifyOptions> = {}): Promise<Result> {
      const known = options.policy === undefined ? { trustedRoot: root, require: ['role=build'] } : {}
      try {
        const outcomes = await verifyAll(names, { json: true, ...known, ...options })
        if (options.junit !== undefined) writeJunit(outcomes, options.junit)
        return { code: exitCodeOf(outcomes), artifacts: outcomes.map(asJson), error: '' }
      } catch (error) {
        assert.ok(error instanceof MayflyError)
        return { code: 2, artifacts: [], error: error.message }
      }
    },
  }
}
