import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { personal } from '../audit/people/index.ts'
import { scene } from '../audit/people/people.fixture.ts'
import { oddFiles, replaceByOdd } from '../audit/verify/odd-file.fixture.ts'
import { audit } from './audit-command.fixture.ts'

test('what was changed beside the log fails verify and check, and show says what it is', async (t) => {
  const { folder, log, known, client } = await scene(t)
  await client.append({ type: 'test.other', data: { by: personal('x:1', 'nora') } })
  await client.append({ type: 'test.other', data: { by: personal('x:2', 'otto') } })
  const [nora, otto] = ['x:1', 'x:2'].map((who) => known.people.get(who)!.person) as [string, string]
  await client.erase(nora, { type: 'person.erased', subject: nora, data: { by: 'operator' } })
  await client.close()
  await log.close()
  const all = async (...more: string[]) => {
    const ran = []
    for (const command of ['verify', 'check', 'show'])
      ran.push(await audit(command, '--folder', folder, '--key', log.verifierKey, ...more))
    return ran as [
      Awaited<ReturnType<typeof audit>>,
      Awaited<ReturnType<typeof audit>>,
      Awaited<ReturnType<typeof audit>>,
    ]
  }
  const [verified, checked, shown] = await all()
  assert.deepEqual([verified.code, checked.code, shown.code], [0, 0, 0], verified.stdout + checked.stdout)
  assert.match(shown.stdout, new RegExp(`"by":"${nora} \\(erased\\)"`))
  assert.match(shown.stdout, /"by":"otto"/)

  const key = join(folder, 'people/keys', otto)
  const before = await readFile(key)
  for (const [change, said] of [
    [() => rm(key), 'key missing without an erasure'],
    [() => writeFile(key, `${Buffer.alloc(32).toString('base64')}\n`), 'does not match its commitment'],
  ] as const) {
    await change()
    const ran = await all()
    assert.deepEqual(
      ran.map(({ code }) => code),
      [1, 1, 0],
    )
    for (const { stdout } of ran.slice(0, 2))
      assert.ok(stdout.includes(`NAMES: entry 1, by, ${otto}: ${said}\n`), stdout)
    assert.ok(ran[2].stdout.includes(`"by":"${otto} (${said})"`), ran[2].stdout)
    const json = JSON.parse((await all('--json'))[0].stdout) as {
      ok: boolean
      people: { problems: string[] }
    }
    assert.deepEqual([json.ok, json.people.problems.length], [false, 1])
    assert.deepEqual(
      (await all('--public')).map(({ code }) => code),
      [0, 0, 0],
    )
    await writeFile(key, before)
  }
  await replaceByOdd(key, oddFiles[0]![1], t)
  const ran = await all()
  assert.deepEqual(
    ran.map(({ code }) => code),
    [3, 3, 3],
  )
  for (const { stdout, stderr } of ran)
    assert.match(stdout + stderr, /keys\/per_\w+ cannot be read: it is a pipe, not a file/)
})
