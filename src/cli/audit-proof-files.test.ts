import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { entriesOf, openLog, postEntries, sampleLog, temporaryFolder } from '../audit/log/log.fixture.ts'
import { audit } from './audit-command.fixture.ts'

test('a proof of consistency is written, and holds for who has no log; a spoilt one does not', async (t) => {
  const { folder, verifierKey } = await sampleLog(t, [5, 300, 600])
  const stranger = await sampleLog(t, [5])
  const away = await temporaryFolder(t)
  const [older, proof] = [join(away, 'older'), join(away, 'proof')]
  const key = ['--key', verifierKey]
  await cp(join(folder, 'checkpoints/300'), older)
  const made = await audit('consistency', older, '-o', proof, '--folder', folder, ...key)
  assert.equal(made.code, 0, made.stderr)
  const check = async (...more: string[]) => await audit('check-consistency', proof, ...more)
  const held = await check(...key)
  assert.deepEqual([held.code, held.stderr], [0, ''])
  assert.match(
    held.stdout,
    /^proven: the 300 entries .* the first 300 of the 600 of the newer \(test\.example\/audit\)\n$/,
  )
  const text = await readFile(proof, 'utf8')
  const lines = text.split('\n')
  const other = Buffer.alloc(32, 7).toString('base64')
  for (const [spoilt, code, said] of [
    [lines.with(1, other).join('\n'), 1, /^NOT PROVEN/],
    [lines.toSpliced(1, 1).join('\n'), 1, /^NOT PROVEN/],
    [lines.toSpliced(1, 0, other).join('\n'), 1, /^NOT PROVEN/],
    [text.replace('\n300\n', '\n301\n'), 1, /older checkpoint in \S+ is not to be believed/],
    [text.replace('\n600\n', '\n601\n'), 1, /newer checkpoint in \S+ is not to be believed/],
    [text.replace('/v1', '/v2'), 2, /is not a proof of consistency/],
    [`${text}\n`, 2, /is not a proof of consistency/],
    [text.replace('\n\n', '\n'), 2, /is not a proof of consistency/],
    ['', 2, /is not a proof of consistency/],
  ] as const) {
    await writeFile(proof, spoilt)
    const { code: got, stdout, stderr } = await check(...key)
    assert.equal(got, code, stdout + stderr)
    assert.match(stdout + stderr, said)
  }
  await writeFile(proof, text)
  assert.equal((await check('--key', stranger.verifierKey)).code, 1)
  for (const args of [
    ['consistency', older],
    ['prove', '5'],
  ]) {
    const { code, stderr } = await audit(...args, '-o', join(away, 'no/file'), '--folder', folder, ...key)
    assert.equal(code, 2)
    assert.match(stderr, /^mayfly: \S+no\/file cannot be written: ENOENT[^\n]*\n$/)
  }
})

test('a receipt is checked with the key alone, for the bytes that it promises, and in the log', async (t) => {
  const folder = await temporaryFolder(t)
  const log = await openLog(t, folder)
  const entries = entriesOf(0, 3)
  const { body } = await postEntries(log.url, entries)
  const away = await temporaryFolder(t)
  const [file, entry] = [join(away, 'receipt'), join(away, 'entry')]
  await writeFile(entry, entries[1]!.entry)
  const key = ['--key', log.verifierKey]
  const check = async (receipt: unknown, ...more: string[]) => {
    await writeFile(file, receipt instanceof Buffer ? receipt : JSON.stringify(receipt))
    return await audit('check-receipt', file, ...key, ...more)
  }
  const held = await check(body.receipts[1], '--entry', entry)
  assert.equal(held.code, 0, held.stdout + held.stderr)
  assert.match(held.stdout, /^promised: the log test\.example\/audit has it as entry 1, since 20\d\d-.*Z\n$/)
  assert.equal((await check(body, '--entry', entry)).code, 0)
  const [receipt, other] = [body.receipts[1]!, body.receipts[2]!]
  for (const [given, more, code, said] of [
    [other, ['--entry', entry], 1, /^NOT PROVEN: no receipt is for the bytes of/],
    [{ ...receipt, index: 2 }, [], 1, /^NOT PROVEN: the receipt of entry 2 is not signed by/],
    [{ ...receipt, timeMs: receipt.timeMs + 1 }, [], 1, /^NOT PROVEN/],
    [
      { ...body, receipts: body.receipts.toReversed() },
      [],
      1,
      /^NOT PROVEN: the signature over all receipts/,
    ],
    [{ ...body, receipts: body.receipts.slice(1) }, [], 1, /^NOT PROVEN: the signature over all receipts/],
    [{ ...receipt, more: 1 }, [], 2, /is not a receipt/],
    [{ ...receipt, leafHash: 'AAAA' }, [], 2, /is not a receipt/],
    [{ ...receipt, index: -1 }, [], 2, /is not a receipt/],
    ...['1.0', '1e0', '10e-1'].map(
      (index) =>
        [
          Buffer.from(JSON.stringify({ ...receipt, index: 'at' }).replace('"at"', index)),
          [],
          2,
          /is not a receipt/,
        ] as const,
    ),
    [{ receipts: [], signature: body.signature }, [], 2, /is not a receipt/],
    ['text', [], 2, /is not a receipt/],
    [receipt, ['--folder', folder], 1, /^NOT PROVEN: entry 1 is not published: the log has 0 entries/],
  ] as const) {
    const ran = await check(given, ...more)
    assert.equal(ran.code, code, JSON.stringify(given) + ran.stdout + ran.stderr)
    assert.match((ran.stdout + ran.stderr).replace(/^mayfly: /, ''), said)
  }
  await log.close()
  assert.equal((await check(body, '--folder', folder)).code, 0)
  // The same key, and another history.
  const copied = await temporaryFolder(t)
  await cp(join(folder, 'state/key'), join(copied, 'state/key'), { recursive: true })
  const second = await openLog(t, copied)
  await postEntries(second.url, entriesOf(7, 9))
  await second.close()
  assert.match(
    (await check(receipt, '--folder', copied)).stdout,
    /^NOT PROVEN: another entry stands in the log as 1/,
  )
})
