import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startChild } from './child-process.ts'

/** Longer than the system passes on: `spawn` throws, as it does without memory. */
const tooLong = 'x'.repeat(3_000_000)

test('a child that cannot even be started again is tried again, and nothing else ends', async (t) => {
  const told: string[] = []
  let starts = 0
  const program = ['/bin/sh', '-c', 'echo "{}"; [ "$0" = stay ] && read x || exit 3']
  const child = await startChild<object>({
    what: 'the child',
    whileGone: 'nothing goes on',
    tell: (line) => void told.push(line),
    command: () => [...program, ...([['go'], [tooLong], ['stay']][starts++] ?? ['stay'])],
  })
  t.after(() => child.close())
  for (let i = 0; i < 1000 && !told.includes('the child is back'); i++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  assert.match(
    told.join('\n'),
    /^the child ended \(3\); nothing goes on\nthe child does not start: .*E2BIG.*\nthe child is back$/,
  )
})

test('a program that is not there: it is said, and nothing is left waiting', async () => {
  await assert.rejects(
    startChild({ what: 'it', whileGone: '', tell: () => undefined, command: () => ['/no/such/program'] }),
    /ENOENT/,
  )
})

test('a child that says something else than where it is does not count as started', async () => {
  await assert.rejects(
    startChild({
      what: 'it',
      whileGone: '',
      tell: () => undefined,
      command: () => ['/bin/sh', '-c', 'echo hello; read x'],
    }),
    /it says something else than where it is/,
  )
})
