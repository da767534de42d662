import { getEventListeners } from 'node:events'
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHmac, randomBytes, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { systemClock } from '../../lib/index.ts'
import { entriesOf, openLog, postEntries } from '../log/log.fixture.ts'
import { cosignLine, parseSignerKey, signNote } from '../sign/index.ts'
import { encodeBundle, formatEntry, httpSource, parseVerifierKey } from '../verify/index.ts'
import { createSink, type Forwarder, type ForwarderOptions, type Sink, startForwarder } from './index.ts'
import { createSyslogSink } from './syslog-sink.ts'
import { formatSyslog } from './syslog-sink.ts'

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-forward-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }))
  return folder
}

async function scene(t: TestContext) {
  const [folder, state] = [await temporaryFolder(t), await temporaryFolder(t)]
  const log = await openLog(t, folder, { publishIntervalMs: 20 })
  const verifier = parseVerifierKey(log.verifierKey)
  assert.ok(verifier)
  const lines: string[] = []
  const start = async (
    sinks: Record<string, Sink>,
    options: Partial<ForwarderOptions> = {},
  ): Promise<Forwarder> => {
    const forwarder = await startForwarder({
      source: httpSource(log.url),
      verifier,
      folder: state,
      sinks: Object.fromEntries(
        Object.entries(sinks).map(([name, sink]) => [name, { sink, format: 'cloudevents' as const }]),
      ),
      tell: (line) => lines.push(line),
      pollMs: 10,
      maxPauseMs: 50,
      ...options,
    })
    t.after(() => forwarder.close())
    return forwarder
  }
  return { log, folder, state, lines, start }
}

async function until(what: string, check: () => boolean): Promise<void> {
  for (let i = 0; i < 1_500; i++) {
    if (check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.fail(`never: ${what}`)
}

const realEntries = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => {
    const id = `id-${from + i}`
    const entry = {
      id,
      source: '/s',
      subject: 'stp_1',
      type: 'access.denied',
      time: new Date().toISOString(),
      data: { what: 'ü"]\\' },
      run: 'run_1',
    }
    return { key: id, entry: formatEntry(entry) }
  })

test('a file gets every entry, in order, over restarts; a line that a crash tore is sent again', async (t) => {
  const { log, state, start } = await scene(t)
  const path = join(state, 'copy.ndjson')
  const sink = () => createSink({ kind: 'file', path, format: 'cloudevents' }, systemClock)
  const first = await start({ copy: sink() })
  await postEntries(log.url, realEntries(0, 300))
  const written = async () =>
    (await readFile(path, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '')
  for (let i = 0; i < 500 && (await written()).length < 300; i++)
    await new Promise((next) => setTimeout(next, 10))
  await first.close()
  await writeFile(path, `${await readFile(path, 'utf8')}{"torn`)
  const second = await start({ copy: sink() })
  await postEntries(log.url, realEntries(300, 310))
  await until('all', () => second.behind()['copy'] === 0)
  for (let i = 0; i < 500 && (await written()).length < 311; i++)
    await new Promise((next) => setTimeout(next, 10))
  const ids = (await written()).flatMap((line) =>
    line === '{"torn' ? [] : [(JSON.parse(line) as { id: string }).id],
  )
  assert.deepEqual(
    ids,
    Array.from({ length: 310 }, (_, i) => `id-${i}`),
  )
})

test('a webhook is signed as Standard Webhooks has it; what was refused is sent again, and nothing is lost', async (t) => {
  const { log, state, lines, start } = await scene(t)
  const key = randomBytes(32)
  const got: string[] = []
  let refuse = false
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature } = request.headers
      const expected = `v1,${createHmac('sha256', key)
        .update(`${String(id)}.${String(time)}.${body}`)
        .digest('base64')}`
      assert.equal(signature, expected)
      assert.ok(Math.abs(Number(time) - Date.now() / 1_000) < 60)
      if (refuse) return response.writeHead(503).end()
      got.push(String(id))
      return response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const keyFile = join(state, 'whsec')
  await writeFile(keyFile, `whsec_${key.toString('base64')}\n`)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  const forwarder = await start({
    hook: createSink({ kind: 'webhook', url, key: keyFile, format: 'ocsf' }, systemClock),
  })
  await postEntries(log.url, realEntries(0, 40))
  await until('the first', () => got.length === 40)
  refuse = true
  await postEntries(log.url, realEntries(40, 60))
  await until('told', () =>
    lines.some((line) => /sink hook takes nothing, entry 40 waits.*answered 503/.test(line)),
  )
  refuse = false
  await until('the rest', () => forwarder.behind()['hook'] === 0 && new Set(got).size === 60)
  await until('told, too', () => lines.some((line) => line.includes('sink hook takes entries again')))
  assert.deepEqual(
    [...new Set(got)].toSorted(),
    realEntries(0, 60)
      .map(({ key: id }) => id)
      .toSorted(),
  )
})

test('a dead sink holds up no other, and gets everything once it is back', async (t) => {
  const { log, state, start } = await scene(t)
  const [dead, alive]: [number[], number[]] = [[], []]
  let isDead = true
  const sinkOf = (got: number[], broken: () => boolean): Sink => ({
    deliver: async (batch) => {
      if (broken()) return { delivered: 0, problem: 'dead' }
      got.push(...batch.map(({ index }) => index))
      return { delivered: batch.length }
    },
    close: () => undefined,
  })
  const hangs: Sink = {
    deliver: (_, signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve({ delivered: 0, problem: 'stopped' })),
      ),
    close: () => undefined,
  }
  const forwarder = await start({
    dead: sinkOf(dead, () => isDead),
    alive: sinkOf(alive, () => false),
    hangs,
  })
  for (let from = 0; from < 600; from += 100) {
    assert.equal((await postEntries(log.url, entriesOf(from, from + 100))).status, 200)
  }
  await until('the living', () => alive.length === 600)
  assert.deepEqual(dead, [])
  isDead = false
  await until('the dead', () => forwarder.behind()['dead'] === 0)
  const all = Array.from({ length: 600 }, (_, i) => i)
  assert.deepEqual([dead, alive], [all, all])
  assert.deepEqual(forwarder.behind(), { dead: 0, alive: 0, hangs: 600 })
  await forwarder.close()
  assert.equal(
    JSON.parse(await readFile(join(state, 'hangs.json'), 'utf8').catch(() => '{"next":0}')).next,
    0,
  )
})

test('part of a batch: the cursor moves past what was taken, and no further', async (t) => {
  const { log, start } = await scene(t)
  const got: number[] = []
  const sink: Sink = {
    deliver: async (batch) => {
      const taken = batch.slice(0, 7).map(({ index }) => index)
      got.push(...taken)
      return taken.length === batch.length
        ? { delivered: taken.length }
        : { delivered: taken.length, problem: 'slow' }
    },
    close: () => undefined,
  }
  await start({ slow: sink })
  await postEntries(log.url, entriesOf(0, 50))
  await until('all', () => got.length >= 50)
  assert.deepEqual(
    got,
    Array.from({ length: 50 }, (_, i) => i),
  )
})

test('a log that was put back, or is another one, is not forwarded', async (t) => {
  const { log, folder, lines, start } = await scene(t)
  const got: number[] = []
  const sink: Sink = {
    deliver: async (batch) => (got.push(...batch.map(({ index }) => index)), { delivered: batch.length }),
    close: () => undefined,
  }
  await postEntries(log.url, entriesOf(0, 20))
  const first = await start({ copy: sink })
  await until('all', () => got.length === 20)
  await first.close()
  await log.close()
  const copy = await temporaryFolder(t)
  // The same key, another history.
  await cp(join(folder, 'state', 'key'), join(copy, 'state', 'key'), { recursive: true })
  await cp(join(folder, 'key.vkey'), join(copy, 'key.vkey'))
  await rm(join(copy, 'key.vkey'))
  await assert.rejects(openLog(t, folder, { origin: 'x' }), /not of x/)
  const forked = await openForked(t, copy)
  await postEntries(forked.url, entriesOf(500, 540))
  const second = await start({ copy: sink }, { source: httpSource(forked.url) })
  await assert.rejects(second.failed, /does not extend the 20 entries/)
  assert.equal(got.length, 20)
  assert.deepEqual(lines, [])
})

async function openForked(t: TestContext, folder: string) {
  // A folder with the log's key and no log: as its owner could make one who wants to begin again.
  const key = await readFile(join(folder, 'state', 'key'), 'utf8')
  await rm(folder, { recursive: true })
  const log = await openLog(t, folder, { publishIntervalMs: 20 })
  await log.close()
  const signer = parseSignerKey(key)
  assert.ok(signer)
  for (const path of ['checkpoint', 'state/lock-checkpoint', 'checkpoints/0']) {
    const text = `${(await readFile(join(folder, path), 'utf8')).split('\n\n')[0]}\n`
    await writeFile(
      join(folder, path),
      signNote(text, signer) + cosignLine(text, 1_700_000_000, signer.as('cosignature')),
    )
  }
  await writeFile(join(folder, 'state', 'key'), key)
  await rm(join(folder, 'key.vkey'))
  return await openLog(t, folder, { publishIntervalMs: 20 })
}

test('a kept checkpoint that was changed lets no other history through', async (t) => {
  const { log, state, start } = await scene(t)
  const taken: number[] = []
  const sink = (): Sink => ({
    async deliver(batch) {
      taken.push(...batch.map(({ index }) => index))
      return { delivered: batch.length }
    },
    close: () => undefined,
  })
  const first = await start({ copy: sink() })
  await postEntries(log.url, realEntries(0, 5))
  await until('all', () => taken.length === 5 && first.behind()['copy'] === 0)
  await first.close()
  const path = join(state, 'checkpoint')
  await writeFile(path, (await readFile(path, 'utf8')).replace('\n5\n', '\n6\n'))
  await postEntries(log.url, realEntries(5, 10))
  const again = await start({ copy: sink() })
  await assert.rejects(again.failed, /checkpoint is not a checkpoint signed by .*: restore it/)
  await again.close()
  await rm(path)
  await start({ copy: sink() })
  await until('all the rest', () => taken.length === 10)
})

test('cursors: in use, damaged, of another log', async (t) => {
  const { state, start } = await scene(t)
  const sink: Sink = { deliver: async () => ({ delivered: 0, problem: 'no' }), close: () => undefined }
  const first = await start({ one: sink })
  await assert.rejects(start({ one: sink }), /the forwarder in .* is in use by process/)
  await first.close()
  await writeFile(join(state, 'one.json'), '{"next":-1}')
  await assert.rejects(start({ one: sink }), /is damaged: remove it/)
  await writeFile(join(state, 'one.json'), '{"next":1,"origin":"other"}')
  await assert.rejects(start({ one: sink }), /is the cursor of the log other/)
})

test('syslog messages are RFC 5424, whatever the entry holds', () => {
  const base = {
    index: 7,
    id: 'a"b]c\\d',
    type: 'session.refused',
    time: '2026-01-01T00:00:00.000Z',
    run: 'run_1',
    line: '{"ü":"\u2028\ud83d\ude00"}',
  }
  assert.equal(
    formatSyslog(base, 'host name\n'),
    String.raw`<108>1 2026-01-01T00:00:00.000Z hostname mayfly - session.refused [mayfly@32473 index="7" id="a\"b\]c\\d" run="run_1"] {"\u00fc":"\u2028\ud83d\ude00"}`,
  )
  assert.match(
    formatSyslog({ ...base, type: 'history.contradicted', run: undefined, time: '' }, ''),
    /^<106>1 - - mayfly - history\.contradicted \[mayfly@32473 index="7" id="[^ ]*"\] \{/,
  )
  const forged = { ...base, time: '2026-01-01T00:00:00Z other evil 1 - -\n<0>1', run: 'run\n<0>1 - forged' }
  const message = formatSyslog(forged, 'h')
  assert.match(message, /^<108>1 - h mayfly - session\.refused \[/)
  assert.match(message, /run="run\\u000a<0>1 - forged"/)
  assert.doesNotMatch(message, /\n/)
})

test('an entry whose id no header can hold reaches a webhook, and what follows it, too', async (t) => {
  const { log, start } = await scene(t)
  const ids: unknown[] = []
  const server = createServer((request, response) => {
    ids.push(request.headers['webhook-id'])
    request.resume()
    response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const key = join(await temporaryFolder(t), 'key')
  await writeFile(key, `whsec_${randomBytes(32).toString('base64')}`)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const sink = createSink({ kind: 'webhook', url, key, format: 'cloudevents' }, systemClock)
  const [bad, good] = realEntries(0, 2)
  assert.ok(bad && good)
  await start({ siem: sink })
  await postEntries(log.url, [{ ...bad, entry: bad.entry.replaceAll('id-0', 'id\\n\\u0142') }, good])
  await until('both', () => ids.length >= 2)
  assert.deepEqual(new Set(ids), new Set(['entry-0', 'id-1']))
})

test('entries that are not what the checkpoint signs reach no sink; it is told, and tried again', async (t) => {
  const { log, folder, lines, start } = await scene(t)
  const real = httpSource(log.url)
  await postEntries(log.url, realEntries(0, 5))
  await until('published', () => readFileSync(join(folder, 'checkpoint'), 'utf8').includes('\n5\n'))
  const forged = encodeBundle(realEntries(5, 10).map(({ entry }) => Buffer.from(entry)))
  let lying = true
  const source = {
    ...real,
    read: async (path: string) =>
      lying && path.startsWith('tile/entries/') ? forged : await real.read(path),
  }
  const got: string[] = []
  const sink: Sink = {
    deliver: async (batch) => {
      got.push(...batch.map(({ id }) => id))
      return { delivered: batch.length }
    },
    close: () => undefined,
  }
  await start({ any: sink }, { source })
  await until('told', () => lines.some((line) => /is not what its checkpoint signs/.test(line)))
  assert.deepEqual(got, [])
  lying = false
  await until('delivered', () => got.length === 5)
  assert.deepEqual(got, ['id-0', 'id-1', 'id-2', 'id-3', 'id-4'])
})

/** A certificate authority and a server's certificate for localhost, made by openssl. */
async function certificates(folder: string): Promise<{ ca: string; cert: string; key: string }> {
  const at = (name: string) => join(folder, name)
  const run = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  await writeFile(at('ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  run(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=ca',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  )
  run(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    '/CN=localhost',
    '-keyout',
    at('key.pem'),
    '-out',
    at('csr.pem'),
  )
  run(
    'x509',
    '-req',
    '-in',
    at('csr.pem'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    at('ext'),
    '-out',
    at('cert.pem'),
  )
  assert.ok(new X509Certificate(await readFile(at('cert.pem'))).checkHost('localhost'))
  return { ca: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem') }
}

/** The messages in an RFC 5425 stream. */
function framesIn(stream: string): string[] {
  const frames: string[] = []
  for (let at = 0; at < stream.length;) {
    const space = stream.indexOf(' ', at)
    const end = space + 1 + Number(stream.slice(at, space))
    frames.push(stream.slice(space + 1, end))
    at = end
  }
  return frames
}

test('syslog over TLS: a batch counts once the server has read it to its end; one that hangs up gets it again', async (t) => {
  const { log, lines, start } = await scene(t)
  const { ca, cert, key } = await certificates(await temporaryFolder(t))
  const streams: string[] = []
  let dies = true
  const options = { cert: await readFile(cert), key: await readFile(key) }
  const server = createTlsServer(options, (socket) => {
    socket.on('error', () => undefined)
    if (dies) return void socket.destroy()
    let stream = ''
    socket.on('data', (chunk: Buffer) => (stream += chunk.toString()))
    socket.on('end', () => streams.push(stream))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const sinkTo = (trusted: string | undefined) =>
    createSink(
      {
        kind: 'syslog',
        host: 'localhost',
        port,
        format: 'cloudevents',
        ...(trusted === undefined ? {} : { ca: trusted }),
      },
      systemClock,
    )
  const forwarder = await start({ siem: sinkTo(ca), distrusts: sinkTo(undefined) })
  await postEntries(log.url, realEntries(0, 30))
  await until('told', () => lines.some((line) => line.includes('sink siem takes nothing, entry 0 waits')))
  dies = false
  await until('all', () => forwarder.behind()['siem'] === 0)
  const messages = streams.flatMap(framesIn)
  assert.equal(messages.length, 30)
  assert.match(
    messages[0] ?? '',
    /^<108>1 \S+ \S+ mayfly - access\.denied \[mayfly@32473 index="0" id="id-0" run="run_1"\] \{/,
  )
  // A server whose certificate nobody vouches for gets nothing.
  await until('told, too', () => lines.some((line) => /sink distrusts takes nothing.*certificate/.test(line)))
  assert.equal(forwarder.behind()['distrusts'], 30)
})

test('syslog by its address: held against the certificate; an attempt that failed leaves nothing behind', async (t) => {
  const { ca: caFile, cert, key } = await certificates(await temporaryFolder(t))
  const ca = await readFile(caFile, 'utf8')
  let taken = 0
  let open = 0
  const options = { cert: await readFile(cert), key: await readFile(key) }
  const server = createTlsServer(options, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => (taken += chunk.length))
  })
  server.on('connection', (socket) => {
    open++
    socket.on('close', () => open--)
  })
  // On every address of the loopback, of which the certificate names one.
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const entry = { index: 0, id: 'id', type: 'access.denied', time: '', run: undefined, line: '{}' }
  const { signal } = new AbortController()
  assert.deepEqual(await createSyslogSink({ host: '127.0.0.1', port, ca }).deliver([entry], signal), {
    delivered: 1,
  })
  assert.ok(taken > 0)
  const strange = await createSyslogSink({ host: '127.0.0.2', port, ca }).deliver([entry], signal)
  assert.match(String(strange.problem), /127\.0\.0\.2 is not in the cert's list/)
  for (const other of [
    { host: '127.0.0.1', port },
    { host: '127.0.0.1', port: 1, ca },
  ])
    for (let i = 0; i < 5; i++)
      assert.equal((await createSyslogSink(other).deliver([entry], signal)).delivered, 0)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  for (let i = 0; i < 500 && open > 0; i++) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.equal(open, 0)
})

const rsyslog = spawnSync('rsyslogd', ['-v']).stdout?.toString() ?? ''
const hasOssl = spawnSync('sh', ['-c', 'ls /usr/lib/*/rsyslog/lmnsd_ossl.so']).status === 0
const noPeer = rsyslog === '' || !hasOssl

test(
  'a real syslog server: rsyslog, with its OpenSSL driver',
  { skip: noPeer && 'there is no rsyslogd with rsyslog-openssl on this machine' },
  async (t) => {
    const { log, start } = await scene(t)
    const folder = await temporaryFolder(t)
    const { ca, cert, key } = await certificates(folder)
    const at = (name: string) => join(folder, name)
    await writeFile(
      at('rsyslog.conf'),
      `global(workDirectory="${folder}" maxMessageSize="64k" defaultNetstreamDriverCAFile="${ca}" defaultNetstreamDriverCertFile="${cert}" defaultNetstreamDriverKeyFile="${key}")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" port="0" address="127.0.0.1" listenPortFileName="${at('port')}")
template(name="all" type="string" string="%msgid% %structured-data% %msg%\\n")
action(type="omfile" file="${at('out')}" template="all")
`,
    )
    const server = spawn('rsyslogd', ['-n', '-f', at('rsyslog.conf'), '-i', at('pid')], { stdio: 'ignore' })
    const ended = new Promise((resolve) => server.once('exit', resolve))
    t.after(async () => {
      server.kill('SIGKILL')
      await ended
    })
    let port = ''
    for (let i = 0; i < 500 && port === ''; i++) {
      port = (await readFile(at('port'), 'utf8').catch(() => '')).trim()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const sink = createSink(
      { kind: 'syslog', host: 'localhost', port: Number(port), ca, format: 'cloudevents' },
      systemClock,
    )
    const forwarder = await start({ siem: sink })
    await postEntries(log.url, realEntries(0, 500))
    await until('taken', () => forwarder.behind()['siem'] === 0)
    let out: string[] = []
    // At least once: a line may be there twice.
    const ids = () => new Set(out.map((line) => /id="(id-\d+)"/.exec(line)?.[1])).size
    for (let i = 0; i < 500 && ids() < 500; i++) {
      out = (await readFile(at('out'), 'utf8').catch(() => ''))
        .split('\n')
        .filter((line) => line.includes('mayfly@32473') && line.endsWith('}'))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.equal(ids(), 500)
    const event = JSON.parse(out[0]?.slice(out[0].indexOf('{')) ?? '') as {
      data: { subject: { content: unknown } }
    }
    assert.deepEqual(event.data.subject.content, { what: 'ü"]\\' })
  },
)
