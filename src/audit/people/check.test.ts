import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readEntries } from '../verify/index.ts'
import { folderSource } from '../verify/node.ts'
import { oddFiles, replaceByOdd } from '../verify/odd-file.fixture.ts'
import { createPeopleCheck, personal, type PeopleVerdict } from './index.ts'
import { scene } from './people.fixture.ts'

/** A closed log with two names of mona, one of nora, who was erased, and one of otto. */
async function logOfPeople(t: TestContext) {
  const { folder, log, known, client } = await scene(t)
  const mona = (name: string) => personal('github:583231', name)
  await client.append({
    type: 'session.issued',
    data: { actor: { id: mona('583231'), login: mona('mona') } },
  })
  await client.append({ type: 'test.other', data: { list: [{ by: personal('x:1', 'nora') }] } })
  await client.append({ type: 'test.other', data: { by: personal('x:2', 'otto') } })
  const person = (who: string) => known.people.get(who)!.person
  const nora = person('x:1')
  const noraKey = await readFile(join(folder, 'people/keys', nora))
  await client.erase(nora, { type: 'person.erased', subject: nora, data: { by: 'operator' } })
  await client.close()
  await log.close()
  return { folder, mona: person('github:583231'), nora, otto: person('x:2'), noraKey }
}

async function checked(folder: string): Promise<PeopleVerdict> {
  const check = createPeopleCheck(folder)
  for await (const { index, bytes } of readEntries(folderSource(folder))) await check.add(index, bytes)
  return await check.verdict()
}

test('names that are what was committed to, and people who were erased, are no problem', async (t) => {
  const { folder } = await logOfPeople(t)
  assert.deepEqual(await checked(folder), { checked: true, named: 3, erased: 1, problems: [] })
  const file = join(folder, 'people/names/0')
  // What a crash leaves: a torn line, a box of an entry that never came, a box twice.
  const text = await readFile(file, 'utf8')
  const [line = ''] = text.split('\n').filter((one) => one !== '')
  await writeFile(file, `${text}${line}\n${line.replace(/"id":"[^"]*"/, '"id":"never"')}\n{"id":"torn`)
  assert.deepEqual((await checked(folder)).problems, [])
})

test('whatever is changed beside the log is named, and is no erasure', async (t) => {
  const { folder, mona, nora, otto, noraKey } = await logOfPeople(t)
  const at = (...path: string[]) => join(folder, 'people', ...path)
  const cases: [change: () => Promise<unknown>, problems: RegExp][] = [
    [
      () => rm(at('names/0')),
      /^entry 0, actor\.id, per_\w+: name missing\n.*\nentry 2, by, per_\w+: name missing$/,
    ],
    [() => writeFile(at('names/0'), ''), /name missing/],
    [
      () => rm(at('keys', mona)),
      new RegExp(`^entry 0, actor\\.id, ${mona}: key missing without an erasure \\(2 names\\)$`),
    ],
    [
      () => rm(at('keys'), { recursive: true }),
      /key missing without an erasure \(2 names\)\n.*key missing without an erasure$/,
    ],
    [
      () => cp(at('keys', otto), at('keys', mona)),
      /^(?:entry 0, actor\.\w+, per_\w+: does not match its commitment\n?){2}$/,
    ],
    [() => writeFile(at('keys', mona), 'AAAA\n'), /key malformed/],
    [
      () => rm(at('erased', nora)),
      /^entry 1, list\.0\.by, per_\w+: key missing; an entry says erased, but the mark is missing$/,
    ],
    [
      async () => {
        await rm(at('keys', otto))
        await writeFile(at('erased', otto), '\n')
      },
      /^entry 2, by, per_\w+: key missing; marked as erased, but no entry of the log says so$/,
    ],
    [
      () => writeFile(at('erased', otto), '\n'),
      /^people\/keys\/per_\w+: is still there, though the person was erased\n/,
    ],
    [
      () => writeFile(at('keys', nora), noraKey),
      /keys\/per_\w+: is still there, though the person was erased$/m,
    ],
    [() => rm(at(), { recursive: true }), /^people\/ is missing, and the log holds 4 names of people$/],
  ]
  const before = `${folder}-before`
  t.after(() => rm(before, { recursive: true, force: true }))
  await cp(folder, before, { recursive: true })
  for (const [i, [change, problems]] of cases.entries()) {
    await change()
    assert.match((await checked(folder)).problems.join('\n'), problems, `case ${i}`)
    await rm(folder, { recursive: true })
    await cp(before, folder, { recursive: true })
  }
  await rm(at(), { recursive: true })
  await rm(join(folder, 'state'), { recursive: true })
  // A copy of the public files: there is nothing to be looked at.
  assert.deepEqual(await checked(folder), { checked: false, named: 0, erased: 0, problems: [] })
})

test('every bit of a key and of a name counts', async (t) => {
  const { folder, mona } = await logOfPeople(t)
  for (const path of [`keys/${mona}`, 'names/0']) {
    const file = join(folder, 'people', path)
    const bytes = await readFile(file)
    const end = path === 'names/0' ? bytes.indexOf('\n', bytes.indexOf(mona)) : bytes.length
    for (let i = bytes.indexOf(path === 'names/0' ? '{' : bytes.subarray(0, 1)); i < end; i++) {
      await writeFile(file, bytes.with(i, bytes[i]! ^ (1 << (i % 8))))
      const { problems } = await checked(folder)
      assert.ok(problems.length > 0, `${path}, byte ${i}`)
    }
    await writeFile(file, bytes)
  }
  assert.deepEqual((await checked(folder)).problems, [])
})

test('an entry that says erased, while the key is there, is found', async (t) => {
  const { folder, known, client, log } = await scene(t)
  await client.append({ type: 'test.other', data: { by: personal('x:2', 'otto') } })
  const { person } = known.people.get('x:2')!
  await client.append({ type: 'person.erased', subject: person, data: {} })
  await log.close()
  assert.deepEqual((await checked(folder)).problems, [
    `people/keys/${person}: is still there, though entry 1 says that the person was erased`,
  ])
})

test('what is no file beside the log is named, and waited for by nobody', async (t) => {
  const { folder, mona } = await logOfPeople(t)
  for (const [what, put, said] of oddFiles)
    for (const path of [`keys/${mona}`, 'names/0']) {
      const file = join(folder, 'people', path)
      const before = await readFile(file)
      await replaceByOdd(file, put, t)
      await assert.rejects(checked(folder), (error: Error) => {
        assert.ok(error.message.startsWith(`${file} cannot be read: `), `${what}: ${error.message}`)
        return said.test(error.message)
      })
      await replaceByOdd(file, (again) => writeFile(again, before), t)
    }
  assert.deepEqual((await readdir(join(folder, 'people'))).toSorted(), ['erased', 'keys', 'names'])
})
