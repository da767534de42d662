import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createKnownSecrets, fingerprintsOf, keysOf } from '../scan/known/index.ts'
import { createKnownLook } from './index.ts'
import type { Owner } from './vault-secrets.ts'

const keys = keysOf(randomBytes(32))
const token = `tok_${randomBytes(27).toString('base64url')}`
const words = 'correct-horse-battery-staple'

function setup(others: Readonly<Record<string, string>> = {}) {
  const known = createKnownSecrets<Owner>(keys)
  const add = (secret: string, value: string) =>
    known.add(`secret 2 ${secret}`, { kind: 'secret', secret, version: 2 }, fingerprintsOf(value, keys))
  add('deploy', token)
  add('words', words)
  for (const [secret, value] of Object.entries(others)) add(secret, value)
  const look = createKnownLook({
    secrets: {
      known: () => known,
      sweep: async () => undefined,
      forget: () => undefined,
      given: () => undefined,
    },
  })
  const ask = async (bytes: Buffer) => {
    const answer = await look.look(bytes, 'anna')
    assert.ok(answer)
    return answer
  }
  return { look, ask }
}

test('each place is told once, wherever it stands, across what is looked at in one go', async () => {
  const { ask } = setup()
  const base64 = Buffer.from(`deploy:${token}`).toString('base64')
  for (const before of [0, 5, 131_060, 131_072, 135_150, 400_000]) {
    const bytes = Buffer.concat([Buffer.alloc(before, '.'), Buffer.from(` ${token} and ${base64}\n`)])
    const { places, isWhole } = await ask(bytes)
    assert.deepEqual(
      [places.map(({ owner, start }) => [owner, start]), isWhole],
      [
        [
          [{ kind: 'secret', secret: 'deploy', version: 2 }, before + 1],
          [{ kind: 'secret', secret: 'deploy', version: 2 }, places[1]?.start],
        ],
        true,
      ],
      String(before),
    )
    const [first, second] = places
    assert.equal(bytes.toString('latin1', first?.start, first?.end), token)
    assert.ok((second?.start ?? 0) > before + token.length && (second?.end ?? 0) < bytes.length)
    assert.match(first?.fingerprint ?? '', /^[0-9a-f]{32}$/)
  }
})

test('what could be guessed is not answered; what is full of beginnings is said not to be whole', async () => {
  const { ask } = setup()
  const guessed = { places: [], isWhole: true, tries: 1 }
  assert.deepEqual(await ask(Buffer.from(`password: ${words}\n`.repeat(5))), guessed)
  const beginnings = `${token.slice(0, -1)} ${token.slice(1)} `.repeat(10_000)
  const { places, isWhole } = await ask(Buffer.from(beginnings.slice(0, 1_000_000)))
  assert.deepEqual([places, isWhole], [[], false])
  const many = await ask(Buffer.from(`${token}\n`.repeat(5_000)))
  assert.deepEqual([many.places.length, many.isWhole], [500, false])
})

test('each different text that looks like a secret and is none is a try; chance is not, nor what is told', async () => {
  const { ask } = setup()
  const tail = (i: number) => `${token.slice(0, -4)}${String(i).padStart(4, '-')}`
  const { tries } = await ask(Buffer.from(tail(0)))
  assert.ok(tries > 0)
  const many = Buffer.from(Array.from({ length: 200 }, (_, i) => `${tail(i)}\n`.repeat(3)).join(''))
  const once = await ask(many)
  assert.ok(once.isWhole && once.tries >= 200, String(once.tries))
  assert.ok((await ask(randomBytes(1_000_000))).tries <= 3)
  // At most what stands around it, which might be a guess at another one.
  const told = await ask(Buffer.from(`${token}\n`.repeat(300)))
  assert.ok(told.tries <= 5, String(told.tries))
})

test('many ask at once, and each is answered; of too many one is told to come again, and who asks for little is not', async () => {
  const { look } = setup()
  const asking = Array.from({ length: 259 }, () => look.look(Buffer.from(token), 'anna'))
  const little = look.look(Buffer.from(token), 'bert')
  const answers = await Promise.all(asking)
  assert.equal(answers.filter((one) => one !== undefined).length, 257)
  assert.deepEqual([answers.at(-1), answers.at(-2)], [undefined, undefined])
  assert.equal((await little)?.places.length, 1)
})

test('of secrets that overlap each is answered, also where a slice ends', async () => {
  const inner = randomBytes(16).toString('hex')
  const outer = `${words}.${inner}`
  const { ask } = setup({ inner, outer })
  for (const before of [0, 131_050, 131_072, 135_150]) {
    const { places } = await ask(Buffer.from(`${' '.repeat(before)}KEY=${outer}\n`))
    const found = places.map(({ owner, start }) => [owner.kind === 'secret' && owner.secret, start])
    assert.deepEqual(found, [
      ['outer', before + 4],
      ['inner', before + 5 + words.length],
    ])
  }
})
