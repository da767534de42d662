import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { PassThrough, Readable } from 'node:stream'
import { mock, test } from 'node:test'
import fc from 'fast-check'
import { chunked, coded, commit, cut, places, pushHead, zero } from './git.fixture.ts'
import { flushPacket, packetLine } from './pkt-line.ts'
import { readPushRequest } from './push-request.ts'

const main = [commit('a'), commit('b'), 'refs/heads/main'] as const
const tag = [zero, commit('c'), 'refs/tags/v1'] as const
const read = (...bytes: Buffer[]) => readPushRequest(Readable.from([Buffer.concat(bytes)]))

/** One packet with this line, a flush, and the beginning of a pack. */
const readLine = (line: string | Buffer) => read(packetLine(line), flushPacket, Buffer.from('PACK'))

test('updates, capabilities and every byte taken are told', async () => {
  const head = pushHead([main, tag], { capabilities: 'report-status side-band-64k agent=git/2.39' })
  const pushed = await read(head, Buffer.from('PACK and more'))
  assert.deepEqual(pushed.updates, [
    { oldCommit: main[0], newCommit: main[1], ref: main[2] },
    { oldCommit: tag[0], newCommit: tag[1], ref: tag[2] },
  ])
  assert.deepEqual([...pushed.capabilities], ['report-status', 'side-band-64k', 'agent=git/2.39'])
  assert.deepEqual(pushed.head, Buffer.concat([head, Buffer.from('PACK and more')]))
})

test('every split of the request gives the same, and head and rest are the request', async () => {
  const ref = fc
    .string({ unit: fc.constantFrom('a', 'b', '-', 'ä', '1'), minLength: 1, maxLength: 12 })
    .map((name) => `refs/heads/x${name}`)
  const request = fc.record({
    refs: fc.uniqueArray(ref, { minLength: 1, maxLength: 6 }),
    pack: fc.uint8Array({ maxLength: 40 }),
    shallow: fc.array(fc.constant(commit('e')), { maxLength: 2 }),
  })
  await fc.assert(
    fc.asyncProperty(request, places, async ({ refs, pack, shallow }, where) => {
      const whole = Buffer.concat([
        pushHead(
          refs.map((one) => [zero, commit('d'), one]),
          { shallow },
        ),
        pack,
      ])
      const stream = chunked(cut(whole, where))
      const pushed = await readPushRequest(stream)
      assert.deepEqual(
        pushed.updates.map((one) => one.ref),
        refs,
      )
      const rest: Buffer[] = []
      for await (const chunk of stream) rest.push(chunk as Buffer)
      assert.deepEqual(Buffer.concat([pushed.head, ...rest]), whole)
    }),
    { numRuns: 60 },
  )
})

test('a request cut off anywhere before its flush is refused', async () => {
  const head = pushHead([main, tag])
  for (let end = 0; end < head.length; end++)
    await assert.rejects(read(head.subarray(0, end)), coded('bad_input', /ended before/), String(end))
})

test('a stream that fails or goes away is a refusal, not a wait', async () => {
  for (const leave of [
    (body: PassThrough) => body.destroy(),
    (body: PassThrough) => body.destroy(new Error('reset')),
  ]) {
    const body = new PassThrough()
    body.on('error', () => undefined)
    body.write(pushHead([main]).subarray(0, 30))
    const reading = readPushRequest(body)
    setImmediate(() => leave(body))
    await assert.rejects(reading, coded('bad_input'))
  }
})

test('the probe before a push names nothing', async () => {
  const { updates, head } = await read(flushPacket)
  assert.deepEqual(updates, [])
  assert.deepEqual(head, flushPacket)
})

test('shallow lines are skipped before the updates and refused after them', async () => {
  assert.equal((await read(pushHead([main], { shallow: [commit('1'), commit('2')] }))).updates.length, 1)
  const late = Buffer.concat([
    packetLine(`${main.join(' ')}\0x`),
    packetLine(`shallow ${commit('1')}`),
    flushPacket,
  ])
  await assert.rejects(read(late), coded('bad_input', /not a ref update/))
  await assert.rejects(readLine(`shallow ${commit('1')}\0 ${main.join(' ')}`), coded('bad_input'))
  await assert.rejects(readLine('shallow x'), coded('bad_input'))
})

test('one ref twice, however it is written, is refused', async () => {
  await assert.rejects(read(pushHead([main, [zero, commit('f'), main[2]]])), coded('bad_input', /twice/))
  const withLineEnd = Buffer.concat([
    packetLine(`${main.join(' ')}\0x`),
    packetLine(`${main.join(' ')}\n`),
    flushPacket,
  ])
  await assert.rejects(read(withLineEnd), coded('bad_input', /twice/))
})

test('NUL hides no second name', async () => {
  for (const line of [
    `${main.join(' ')}-x\0\0`,
    `${zero} ${commit('a')} refs/heads/ok\0caps\0${zero} ${commit('a')} refs/heads/main`,
  ]) {
    const { updates } = await readLine(line)
    assert.equal(updates.length, 1)
    assert.ok(!updates.some((one) => one.ref === 'refs/heads/main'))
  }
  for (const line of [
    `\0${main.join(' ')}`,
    `${zero} ${commit('a')} \0refs/heads/main`,
    `${zero}\0 ${commit('a')} refs/heads/main`,
    '\0',
    '',
  ])
    await assert.rejects(
      line === '' ? read(Buffer.from('0004'), flushPacket) : readLine(line),
      coded('bad_input'),
    )
  const second = Buffer.concat([
    packetLine(`${main.join(' ')}\0x`),
    packetLine(`${tag.join(' ')}\0report-status`),
    flushPacket,
  ])
  await assert.rejects(read(second), coded('bad_input', /capabilities after/))
})

test('what is not UTF-8 to the last byte is refused', async () => {
  const start = Buffer.from(`${zero} ${commit('a')} refs/heads/`)
  for (const bytes of [
    [0xff],
    [0xc0, 0xaf],
    [0xe2, 0x82],
    [0xed, 0xa0, 0x80],
    [0xf8, 0x88, 0x80, 0x80, 0x80],
    [0x80],
  ])
    await assert.rejects(
      readLine(Buffer.concat([start, Buffer.from(bytes)])),
      coded('bad_input', /UTF-8/),
      String(bytes),
    )
  const { updates } = await readLine(Buffer.concat([start, Buffer.from('ä\u{1f41b}')]))
  assert.equal(updates[0]?.ref, 'refs/heads/ä\u{1f41b}')
})

test('signed pushes, delimiters and anything else that git does not send are refused', async () => {
  const [oldCommit, newCommit, ref] = main
  for (const line of [
    'push-cert\0report-status',
    'push-cert',
    `option ${ref}`,
    `${oldCommit} ${newCommit}`,
    `${oldCommit}  ${newCommit} ${ref}`,
    ` ${oldCommit} ${newCommit} ${ref}`,
    `${oldCommit}\t${newCommit}\t${ref}`,
    `${oldCommit.toUpperCase()} ${newCommit} ${ref}`,
    `${oldCommit.slice(1)} ${newCommit} ${ref}`,
    `${oldCommit}a ${newCommit} ${ref}`,
    `${oldCommit} ${newCommit} ${ref}\n\n`,
    `${oldCommit} ${newCommit} ${ref}\r\n`,
    `${oldCommit} ${newCommit} ${ref} refs/heads/x`,
    `${oldCommit} ${newCommit} HEAD`,
    `${oldCommit} ${newCommit} main`,
    `${oldCommit} ${newCommit} /refs/heads/main`,
    `${oldCommit} ${newCommit} Refs/heads/main`,
    `${oldCommit} ${newCommit} refs/heads/main\u2028x`,
  ])
    await assert.rejects(readLine(line), coded('bad_input'), JSON.stringify(line))
  for (const packet of ['0001', '0002'])
    await assert.rejects(read(Buffer.from(packet), pushHead([main])), coded('bad_input', /delimiter/))
})

const oddRefs = [
  'refs/heads/.a',
  'refs/heads/a/.b',
  'refs/heads/a..b',
  'refs/heads/a.lock',
  'refs/heads/a.lock/b',
  'refs/heads/a//b',
  'refs//heads/a',
  'refs/heads/a/',
  'refs/heads/a.',
  'refs/heads/a@{b',
  'refs/heads/a~',
  'refs/heads/a^',
  'refs/heads/a:b',
  'refs/heads/a?',
  'refs/heads/a*',
  'refs/heads/a[b',
  'refs/heads/a\\b',
  'refs/heads/a\u007f',
  'refs/heads/a\u0001',
  'refs/heads/',
  'refs/heads/@',
  'refs/heads/a@b',
  'refs/heads/-a',
  'refs/heads/a{b}',
  'refs/heads/a%2fb',
  'refs/heads/a.b',
  'refs/heads/lock',
  'refs/a',
  'refs/heads/a.loc',
  'refs/heads/\u00a0',
  'refs/heads/ä',
]

test('whatever git-check-ref-format refuses is refused here', async () => {
  const gitTakes = (ref: string) => spawnSync('git', ['check-ref-format', ref]).status === 0
  assert.match(execFileSync('git', ['--version'], { encoding: 'utf8' }), /git version/)
  for (const ref of oddRefs) {
    const ours = await readLine(`${zero} ${commit('a')} ${ref}`).then(
      () => true,
      (error) => coded('bad_input')(error) && false,
    )
    if (ours) assert.ok(gitTakes(ref), `we take ${JSON.stringify(ref)}, git does not`)
  }
  for (const ref of ['refs/heads/-a', 'refs/heads/a@b', 'refs/heads/a{b}', 'refs/heads/ä', 'refs/heads/@'])
    assert.equal((await readLine(`${zero} ${commit('a')} ${ref}`)).updates[0]?.ref, ref)
})

test('fifty thousand refs pass, one more does not, nor an endless head', async () => {
  const many = (count: number) =>
    pushHead(Array.from({ length: count }, (_, i) => [zero, commit('a'), `refs/tags/v${i}`] as const))
  assert.equal((await read(many(50_000))).updates.length, 50_000)
  await assert.rejects(read(many(50_001)), coded('limit_exceeded'))
  async function* endless() {
    for (;;) yield packetLine(`shallow ${commit('1')}`)
  }
  const stream = Readable.from(endless())
  await assert.rejects(readPushRequest(stream), coded('limit_exceeded'))
  stream.destroy()
  const long = Buffer.concat([packetLine(Buffer.alloc(65_516, 'a')), Buffer.alloc(1_048_576, '0')])
  await assert.rejects(read(long), coded('bad_input'))
})

// Was so once: everything is read again from the start at every chunk (and the refs compared anew at every update), so a step
// that sends a thousand refs and then single bytes holds up the gateway's one thread for everybody.
test('bytes that were read are not read again at every chunk', async () => {
  const updates = Array.from({ length: 50 }, (_, i) => [zero, commit('a'), `refs/tags/v${i}`] as const)
  const head = pushHead(updates)
  const decoding = mock.method(Buffer.prototype, 'toString')
  try {
    await readPushRequest(
      chunked([
        head.subarray(0, -60),
        ...Array.from({ length: 60 }, (_, i) => head.subarray(head.length - 60 + i, head.length - 59 + i)),
      ]),
    )
    const packets = 51
    const chunks = 61
    const decodings = decoding.mock.callCount()
    assert.ok(
      decodings <= 3 * (packets + chunks),
      `${decodings} decodings for ${packets} packets in ${chunks} chunks`,
    )
  } finally {
    decoding.mock.restore()
  }
})

// Was so once: `push-options` puts a section behind the updates that nobody reads: `merge_request.target=main` with
// `merge_request.merge_when_pipeline_succeeds` (GitLab) changes a ref that the role does not grant.
test('push options are read, however they come, and the pack stands behind them', async () => {
  const head = pushHead([main], { capabilities: 'report-status push-options' })
  const whole = Buffer.concat([
    head,
    packetLine('merge_request.create'),
    packetLine('merge_request.target=main\n'),
    flushPacket,
    Buffer.from('PACK'),
  ])
  await fc.assert(
    fc.asyncProperty(places, async (where) => {
      const { options, head: taken, packBytes } = await readPushRequest(chunked(cut(whole, where)))
      assert.deepEqual(options, ['merge_request.create', 'merge_request.target=main'])
      assert.deepEqual(taken, whole.subarray(0, taken.length))
      assert.ok(packBytes === taken.length - (whole.length - 4))
    }),
    { numRuns: 30 },
  )
  // Without the capability there are none: what comes is the pack.
  assert.deepEqual((await read(pushHead([main]), packetLine('ci.skip'), flushPacket)).options, [])
})

test('push options that cannot be seen, are too many or too long, or do not end, are refused', async () => {
  const send = (...options: (string | Buffer)[]) =>
    read(
      pushHead([main], { capabilities: 'push-options' }),
      ...options.map((one) => packetLine(one)),
      flushPacket,
    )
  assert.equal((await send(...Array.from({ length: 100 }, () => 'a'))).options.length, 100)
  await assert.rejects(send(...Array.from({ length: 101 }, () => 'a')), coded('limit_exceeded'))
  for (const option of ['a\u202eb', 'a\nb', 'a\rb', 'a\0b', 'a\tb', 'x'.repeat(1001), Buffer.from([0xff])])
    await assert.rejects(send(option), coded('bad_input'), JSON.stringify(option))
  await assert.rejects(
    read(pushHead([main], { capabilities: 'push-options' }), packetLine('ci.skip')),
    coded('bad_input', /ended before/),
  )
})
