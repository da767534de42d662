import assert from 'node:assert/strict'
import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../../lib/any-character.fixture.ts'
import { newId, Secret, systemClock } from '../../lib/index.ts'
import { type AuditClient, createAuditClient } from '../client/index.ts'
import { systemFs } from '../disk/index.ts'
import { openLog, postEntries, temporaryFolder, token } from '../log/log.fixture.ts'
import { formatEntry, parseEntry, readEntries } from '../verify/index.ts'
import { folderSource, verifyFolder } from '../verify/node.ts'
import {
  commitTo,
  createPeopleCheck,
  openNames,
  openPeople,
  personal,
  pseudonym,
  sealNames,
  sealPeople,
} from './index.ts'
import { directory, scene } from './people.fixture.ts'

const mona = (name: string) => personal('github:583231', name, 'github:mona')
const data = {
  roles: ['build'],
  actor: { id: mona('583231'), login: mona('mona') },
  list: [{ by: personal('x:1', 'Ünal') }],
}

test('a pseudonym is the id of the same person, without a name or a commitment to one', async () => {
  const known = directory()
  const named = await sealPeople({ actor: mona('mona') }, 'id-1', known)
  const { data: leaf, sealed } = await sealPeople(
    { job: { actor: pseudonym('github:583231', 'github:mona') } },
    'id-2',
    known,
  )
  const { person } = known.people.get('github:583231')!
  assert.deepEqual(leaf, { job: { actor: { person } } })
  assert.deepEqual(sealed, [])
  assert.equal((named.data['actor'] as { person: string }).person, person)
})

test('names leave their commitments in the data, at their paths, and nothing of themselves', async () => {
  const known = directory()
  const { data: leaf, sealed } = await sealPeople(data, 'id-1', known)
  const text = JSON.stringify(leaf)
  for (const name of ['mona', '583231', 'Ünal', 'github', '$personal']) assert.ok(!text.includes(name), name)
  const { person, key } = known.people.get('github:583231')!
  assert.deepEqual(leaf['actor'], {
    id: { person, commitment: commitTo(key, 'id-1', 'actor.id', '583231') },
    login: { person, commitment: commitTo(key, 'id-1', 'actor.login', 'mona') },
  })
  assert.deepEqual(
    sealed.map(({ person: one, box }) => openNames(known.people.get('github:583231')!.key, one, 'id-1', box)),
    [{ 'actor.id': '583231', 'actor.login': 'mona' }, undefined],
  )
  // The same event again is the same entry, whatever became of its boxes.
  assert.deepEqual((await sealPeople(data, 'id-1', known)).data, leaf)
  assert.notDeepEqual((await sealPeople(data, 'id-2', known)).data, leaf)
})

test('a box opens with its key, person and entry only', () => {
  const key = randomBytes(32)
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.string({ unit: anyCharacter })),
      fc.nat(10_000),
      (names, at) => {
        const box = sealNames(key, 'per_1', 'id', names)
        assert.deepEqual({ ...openNames(key, 'per_1', 'id', box) }, { ...names })
        assert.equal(openNames(randomBytes(32), 'per_1', 'id', box), undefined)
        assert.equal(openNames(key, 'per_2', 'id', box), undefined)
        assert.equal(openNames(key, 'per_1', 'other', box), undefined)
        const bytes = Buffer.from(box, 'base64')
        bytes[at % bytes.length]! ^= 1
        assert.equal(openNames(key, 'per_1', 'id', bytes.toString('base64')), undefined)
      },
    ),
  )
})

async function shown(folder: string): Promise<Readonly<Record<string, unknown>>[]> {
  const people = openPeople(folder, async (person) => {
    for await (const { bytes } of readEntries(folderSource(folder)))
      if (parseEntry(bytes)?.type === 'person.erased' && parseEntry(bytes)?.subject === person) return true
    return false
  })
  const all: Readonly<Record<string, unknown>>[] = []
  for await (const { index, bytes } of readEntries(folderSource(folder))) {
    const entry = parseEntry(bytes)
    assert.ok(entry)
    all.push(await people.reveal(index, entry.id, entry.data))
  }
  return all
}

async function everythingIn(folder: string): Promise<string> {
  let text = ''
  for (const file of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (file.isFile()) text += await readFile(join(file.parentPath, file.name), 'latin1')
  return text
}

const issue = (client: AuditClient, login = 'mona') =>
  client.append({ type: 'session.issued', data: { actor: { id: mona('583231'), login: mona(login) } } })

test('who has the folder reads the names; the log itself has none; erasing takes them away and leaves the root', async (t) => {
  const { folder, log, known, client } = await scene(t)
  const receipts = [
    await issue(client),
    await client.append({ type: 'test.other', data: { by: personal('x:1', 'nora') } }),
  ]
  const { person } = known.people.get('github:583231')!
  await log.close()
  assert.deepEqual(await shown(folder), [{ actor: { id: '583231', login: 'mona' } }, { by: 'nora' }])
  const all = await everythingIn(folder)
  for (const name of ['mona', '583231', 'nora']) assert.ok(!all.includes(name), name)
  const before = await verifyFolder(folder, log.verifierKey, { receipts })
  assert.ok(before.ok)

  const again = await openLog(t, folder, { port: Number(new URL(log.url).port) })
  receipts.push(
    await client.erase(person, { type: 'person.erased', subject: person, data: { by: 'operator' } }),
  )
  await again.close()
  const gone = `${person} (erased)`
  assert.deepEqual(await shown(folder), [
    { actor: { id: gone, login: gone } },
    { by: 'nora' },
    { by: 'operator' },
  ])
  const after = await verifyFolder(folder, log.verifierKey, { receipts })
  assert.ok(after.ok && after.size === 3, JSON.stringify(after))
  assert.ok(!(await readdir(join(folder, 'people/keys'))).includes(person))
})

test('the key of somebody who was erased is not taken again, and erasing twice is erasing once', async (t) => {
  const { folder, log, known, client } = await scene(t)
  await issue(client)
  const { person } = known.people.get('github:583231')!
  await client.erase(person, { type: 'person.erased', subject: person, data: {} })
  // A server that has not heard of it yet.
  await issue(client)
  await client.erase(person, { type: 'person.erased', subject: person, data: {} })
  await client.close()
  await log.close()
  const again = await openLog(t, folder)
  await again.close()
  assert.deepEqual(await readdir(join(folder, 'people/keys')), [])
  assert.equal((await shown(folder)).filter((one) => JSON.stringify(one).includes('mona')).length, 0)
})

test('a crash between the mark and the deletion of a key: it is deleted then', async (t) => {
  const { folder, log, known, client } = await scene(t)
  await issue(client)
  const { person } = known.people.get('github:583231')!
  await log.close()
  await writeFile(join(folder, 'people', 'erased', person), '\n')
  const again = await openLog(t, folder, { port: Number(new URL(log.url).port) })
  await client.append({ type: 'test.other', data: { by: personal('x:1', 'nora') } })
  await again.close()
  const nora = known.people.get('x:1')!.person
  assert.deepEqual(await readdir(join(folder, 'people/keys')), [nora])
})

test('names beside the log that were changed are not shown', async (t) => {
  const { folder, log, known, client } = await scene(t)
  await issue(client)
  await log.close()
  const { person, key } = known.people.get('github:583231')!
  const path = join(folder, 'people/names/0')
  const { id } = JSON.parse((await readFile(path, 'utf8')).trim()) as { id: string }
  const box = sealNames(key, person, id, { 'actor.login': 'somebody-else', 'actor.id': '583231' })
  await writeFile(path, `{"torn\n${JSON.stringify({ id, person, box })}\n`)
  assert.deepEqual(await shown(folder), [
    { actor: { id: '583231', login: `${person} (does not match its commitment)` } },
  ])
  await rm(join(folder, 'people'), { recursive: true })
  assert.match(JSON.stringify(await shown(folder)), /per_\w+ \(people\/ is missing\)/)
})

test('people/ is for the log’s owner only, and never served', async (t) => {
  const { folder, log, client } = await scene(t)
  await issue(client)
  const [person = ''] = await readdir(join(folder, 'people/keys'))
  for (const path of [`people/keys/${person}`, 'people/names/0', 'people'])
    assert.equal((await fetch(`${log.url}/${path}`)).status, 404)
  assert.equal((await stat(join(folder, 'people/keys', person))).mode & 0o777, 0o600)
  assert.equal((await stat(join(folder, 'people'))).mode & 0o777, 0o700)
})

test('an event that names somebody is refused by a client that does not know people', async (t) => {
  const { log } = await scene(t)
  const client = createAuditClient({
    url: log.url,
    appendToken: new Secret(token),
    verifierKey: log.verifierKey,
    source: 'mayfly://server',
    clock: systemClock,
  })
  t.after(() => client.close())
  await assert.rejects(issue(client), /may not log the names of people/)
})

test('names that cannot be written stop the log before their entry is acknowledged', async (t) => {
  const folder = await temporaryFolder(t)
  let broken = false
  const open: typeof systemFs.open = async (path, ...rest) => {
    if (broken && String(path).includes('people'))
      throw Object.assign(new Error('EIO: injected'), { code: 'EIO' })
    return await systemFs.open(path, ...rest)
  }
  const log = await openLog(t, folder, { fs: { ...systemFs, open } })
  const client = createAuditClient({
    url: log.url,
    appendToken: new Secret(token),
    verifierKey: log.verifierKey,
    source: 'mayfly://server',
    clock: systemClock,
    people: directory(),
    giveUpMs: 300,
  })
  t.after(() => client.close())
  broken = true
  await assert.rejects(issue(client), /EIO: injected; the audit log takes nothing until it is restarted/)
  assert.equal((await fetch(`${log.url}/healthz`)).status, 503)
  await log.close()
  const again = await openLog(t, folder)
  await again.close()
  assert.deepEqual(await shown(folder), [])
})

const plain = { id: 'k', source: 'mayfly://server', time: '2026-11-25T02:00:00.000Z', data: {} }
const erasureOf = (person: string) => formatEntry({ ...plain, type: 'person.erased', subject: person })

test('requests about people that are refused', async (t) => {
  const { log } = await scene(t)
  const post = async (path: string, body: unknown, bearer = token) => {
    const headers = { authorization: `Bearer ${bearer}` }
    return (await fetch(`${log.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).status
  }
  const entry = { key: 'k', entry: '{}' }
  const person = newId<string>('per')
  const sealed = { person, key: randomBytes(32).toString('base64'), box: '' }
  assert.equal(await post('/erase', { person, entry }, 'wrong'), 401)
  for (const body of [
    { person },
    { person: '../x', entry },
    // What would not say that this person was erased.
    { person, entry },
    { person, entry: { key: 'k', entry: erasureOf(newId<string>('per')) } },
    { person, entry: { key: 'k', entry: erasureOf(person).replace('person.erased', 'person.written') } },
    { person, entry, x: 1 },
    { person, entry: { ...entry, sealed: [sealed] } },
  ])
    assert.equal(await post('/erase', body), 400)
  const latin = Buffer.from('{"entries":[{"key":"k","entry":"\xe9"}]}', 'latin1')
  const headers = { authorization: `Bearer ${token}` }
  assert.equal((await fetch(`${log.url}/append`, { method: 'POST', headers, body: latin })).status, 400)
  for (const one of [
    { ...sealed, person: 'per_../../x' },
    { ...sealed, key: 'AAAA' },
    { ...sealed, box: '!' },
    { ...sealed, box: 'A'.repeat(8_196) },
    { ...sealed, x: 1 },
    null,
  ])
    assert.equal(await post('/append', { entries: [{ ...entry, sealed: [one] }] }), 400)
  assert.equal(await post('/append', { entries: [{ ...entry, sealed: Array(17).fill(sealed) }] }), 400)
})

test('names that would make the log fail its verification from then on are refused, and nothing of them is kept', async (t) => {
  const { folder, log } = await scene(t)
  const [key, other] = [randomBytes(32), randomBytes(32)]
  const person = newId<string>('per')
  const names = { 'actor.login': 'mona' }
  const named = (id: string, with_ = key, box = sealNames(with_, person, id, names), encoded?: string) => {
    const actor = { login: { person, commitment: commitTo(with_, id, 'actor.login', 'mona') } }
    const entry = formatEntry({ ...plain, id, type: 'session.issued', subject: 'ses_1', data: { actor } })
    return { key: id, entry, sealed: [{ person, key: encoded ?? with_.toString('base64'), box }] }
  }
  const status = async (...entries: unknown[]) => (await postEntries(log.url, entries)).status
  const sealedAs = (what: string) => {
    const cipher = createCipheriv(
      'aes-256-gcm',
      createHmac('sha256', key).update('mayfly-seal/v1').digest(),
      Buffer.alloc(12),
    )
    cipher.setAAD(Buffer.from(`${person}\nx`))
    return Buffer.concat([
      Buffer.alloc(12),
      cipher.update(what),
      cipher.final(),
      cipher.getAuthTag(),
    ]).toString('base64')
  }
  for (const [what, one] of Object.entries({
    'fifty zero bytes': named('x', key, Buffer.alloc(50).toString('base64')),
    'no box': named('x', key, ''),
    'sealed for another entry': named('x', key, sealNames(key, person, 'y', names)),
    'sealed for another person': named('x', key, sealNames(key, newId<string>('per'), 'x', names)),
    'sealed under another key': named('x', key, sealNames(other, person, 'x', names)),
    'another name than the entry commits to': named(
      'x',
      key,
      sealNames(key, person, 'x', { 'actor.login': 'ann' }),
    ),
    'a name at another path': named('x', key, sealNames(key, person, 'x', { login: 'mona' })),
    'no names': named('x', key, sealedAs('null')),
    'a number for a name': named('x', key, sealedAs('{"actor.login":5}')),
    'no JSON': named('x', key, sealedAs('mona')),
    'a key in a spelling that nobody reads': named('x', Buffer.alloc(32), undefined, `${'A'.repeat(42)}B=`),
    'an entry of another id': { ...named('x'), key: 'y' },
    'an entry that cannot be read': { ...named('x'), entry: '{}' },
  }))
    assert.equal(await status(one), 400, what)
  assert.equal(await status(named('a'), named('b', other)), 409, 'two keys in one request')
  assert.deepEqual(await readdir(join(folder, 'people/keys')), [])
  assert.equal(await status(named('a')), 200)
  assert.equal(await status(named('a')), 200)
  assert.equal(await status(named('b', other)), 409)
  await log.close()
  const again = await openLog(t, folder)
  const restarted = (await postEntries(again.url, [named('c', other)])).status
  assert.equal(restarted, 409, 'also after a restart')
  const [one, two] = await Promise.all([
    postEntries(again.url, [named('d')]),
    postEntries(again.url, [named('e', other)]),
  ])
  assert.deepEqual([one.status, two.status], [200, 409], 'in one group')
  await again.close()
  assert.ok((await verifyFolder(folder, log.verifierKey)).ok)
  assert.deepEqual(await shown(folder), [{ actor: { login: 'mona' } }, { actor: { login: 'mona' } }])
  const check = createPeopleCheck(folder)
  for await (const { index, bytes } of readEntries(folderSource(folder))) await check.add(index, bytes)
  assert.deepEqual(await check.verdict(), { checked: true, named: 2, erased: 0, problems: [] })
})
