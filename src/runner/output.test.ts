import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { Secret } from '../lib/index.ts'
import { createMasker } from '../mask/index.ts'
import { copyOutput } from './output.ts'

const secret = 'hunter22-and-more'
const unheard = () => undefined
const masker = () => createMasker([new Secret(secret)])

class Collector extends Writable {
  readonly chunks: Buffer[] = []
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(Buffer.from(chunk))
    done()
  }
  text(): string {
    return Buffer.concat(this.chunks).toString()
  }
}

test('what is copied is masked, whatever the chunks, and the summary is of what was shown', async () => {
  const places = fc.array(fc.nat(200), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(
      places,
      fc.constantFrom(secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')),
      async (where, form) => {
        const whole = Buffer.from(`before ${form} between ${form} after\n`)
        const at = [0, ...where.map((one) => one % whole.length).sort((a, b) => a - b), whole.length]
        const [source, target] = [new PassThrough(), new Collector()]
        const told: Buffer[] = []
        const copy = copyOutput(source, target, masker, (chunk) => void told.push(chunk))
        for (const [i, end] of at.slice(1).entries()) source.write(whole.subarray(at[i], end))
        source.end()
        await copy.done
        const shown = target.text()
        assert.ok(!shown.includes(form) && shown.includes('***') && shown.endsWith('after\n'), shown)
        assert.equal(Buffer.concat(told).toString(), shown)
        assert.deepEqual(copy.summary(), {
          bytes: Buffer.byteLength(shown),
          sha256: createHash('sha256').update(shown).digest('hex'),
        })
      },
    ),
    { numRuns: 40 },
  )
})

test('a quiet step’s last bytes are shown without waiting for more', async () => {
  const [source, target] = [new PassThrough(), new Collector()]
  copyOutput(source, target, masker, unheard)
  source.write('Password: ')
  while (target.text() !== 'Password: ') await new Promise((next) => setTimeout(next, 5))
  source.end()
})

test('half a secret is not shown, however long it is quiet, until it is none', async () => {
  const [source, target] = [new PassThrough(), new Collector()]
  const copy = copyOutput(source, target, masker, unheard)
  source.write(`x ${secret.slice(0, 10)}`)
  await new Promise((next) => setTimeout(next, 120))
  assert.ok(!target.text().includes(secret.slice(0, 10)))
  source.end('!\n')
  await copy.done
  assert.equal(target.text(), `x ${secret.slice(0, 10)}!\n`)
})

test('an output without a byte asks for no masker', async () => {
  const source = new PassThrough()
  const copy = copyOutput(source, new Collector(), () => assert.fail('asked'), unheard)
  source.end()
  source.resume()
  await copy.done
  assert.equal(copy.summary().bytes, 0)
})

test('as slow as its reader: what is held in memory is bounded', async () => {
  const waiting: (() => void)[] = []
  let taken = 0
  const target = new Writable({
    highWaterMark: 16_384,
    write(chunk: Buffer, _encoding, done) {
      taken += chunk.length
      waiting.push(done)
    },
  })
  let given = 0
  const chunk = Buffer.alloc(8192, 'x')
  const source = new PassThrough({ highWaterMark: 16_384 })
  const copy = copyOutput(source, target, masker, unheard)
  const total = 200
  let sent = 0
  const feed = async () => {
    for (; sent < total; sent++) {
      given += chunk.length
      if (!source.write(chunk)) await once(source, 'drain')
    }
    source.end()
  }
  const feeding = feed()
  // Nothing is read: the source comes to a halt.
  for (let before = -1; before !== given;) {
    before = given
    await new Promise((next) => setTimeout(next, 30))
  }
  assert.ok(given < 200_000, `${given} bytes were taken in`)
  const pump = setInterval(() => waiting.splice(0).forEach((done) => done()), 1)
  await Promise.all([feeding, copy.done])
  while (taken < total * chunk.length) await new Promise((next) => setTimeout(next, 5))
  clearInterval(pump)
  assert.equal(copy.summary().bytes, total * chunk.length)
})

// Was so once: a write to a stream that has failed is never drained, so after the first one the source stays paused and the
// step hangs (`mayfly run -- ... | head -1`).
test('when the reader leaves, the step goes on unseen', async () => {
  const target = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  })
  const source = new PassThrough({ highWaterMark: 16 })
  const copy = copyOutput(source, target, masker, unheard)
  const feeding = (async () => {
    for (let i = 0; i < 50; i++) {
      if (!source.write(`line ${i} of what nobody reads\n`)) await once(source, 'drain')
    }
    source.end()
    await copy.done
    return true
  })()
  const ended = await Promise.race([
    feeding,
    new Promise<false>((give) => setTimeout(() => give(false), 2000).unref()),
  ])
  source.destroy()
  assert.ok(ended, 'the source is not read any more')
})

// Was so once: every step of a job leaves a listener on our output; from the eleventh on Node warns on stderr.
test('a hundred steps leave nothing behind on the same output', async () => {
  const target = new Collector()
  const before = target.eventNames().reduce((sum, name) => sum + target.listenerCount(name), 0)
  for (let i = 0; i < 100; i++) {
    const source = new PassThrough()
    const copy = copyOutput(source, target, masker, unheard)
    source.end('line\n')
    await copy.done
  }
  const after = target.eventNames().reduce((sum, name) => sum + target.listenerCount(name), 0)
  assert.equal(after, before)
})
