import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError, Secret } from '../lib/index.ts'
import { lookAtWritten } from './look-at-written.ts'
import { createRedactor } from './redactor.ts'

test('what is found in a file for the CI is masked from then on; secrets of the job are not sent, and what was not looked at is told', async () => {
  const redactor = createRedactor([new Secret('secret-of-the-job')])
  const sent: Record<string, string> = {}
  const told: string[] = []
  const text = 'a secret-of-the-job and found-by-the-server\n'
  const api = {
    async lookAtWritten(_step: unknown, name: string, bytes: Buffer) {
      if (name === 'GITHUB_ENV') throw new MayflyError('audit_unavailable', 'the log is down')
      sent[name] = bytes.toString()
      const from = bytes.indexOf('found')
      // Places of what was not sent, and of what can be no secret, mask nothing.
      return {
        mask: [
          { from, to: from + 'found-by-the-server'.length },
          { from: -1, to: 900 },
          { from: 0, to: 2 },
        ],
        unseen: '1 part could not be looked at: it is full',
      }
    },
  }
  await lookAtWritten(
    { api: api as never, redactor, notices: { tell: (line: string) => void told.push(line) } as never },
    {} as never,
    [
      { name: 'GITHUB_STEP_SUMMARY', text },
      { name: 'GITHUB_ENV', text: 'A=b\n' },
      { name: 'GITHUB_OUTPUT', text: '' },
      { name: 'GITHUB_STATE', text: undefined },
    ],
  )
  assert.deepEqual(sent, { GITHUB_STEP_SUMMARY: 'a *** and found-by-the-server\n' })
  assert.equal(redactor.text(text), 'a *** and ***\n')
  assert.match(
    told.join('\n'),
    /^mayfly: \$GITHUB_STEP_SUMMARY: a secret was found.*\n.*SUMMARY: 1 part could not.*\n.*\$GITHUB_ENV was not looked at.*log is down$/,
  )
})
