import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hosts, openAws } from './aws.fixture.ts'
import { readDeletes } from './s3-delete.ts'

const one = (key: string, rest = '') => `<Object><Key>${key}</Key>${rest}</Object>`
const list = (inner: string) => `<Delete>${inner}</Delete>`
const read = (
  body: string | Buffer,
  headers = {},
  query: [string, string | undefined][] = [['delete', '']],
) =>
  readDeletes({
    ...{ target: { parts: ['releases'], path: '/releases', query }, headers, bucket: undefined },
    body: Buffer.from(body),
  })
const resources = (found: ReturnType<typeof read>) =>
  typeof found === 'string' ? found : found.map(({ action, resource }) => `${action} ${resource}`)

test('a list of keys is read as tools write it', () => {
  const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
  for (const body of [
    // botocore, the SDKs for JavaScript and Go, s3cmd.
    `<Delete ${namespace}>${one('a&amp;b')}${one('c')}<Quiet>true</Quiet></Delete>`,
    `<?xml version='1.0' encoding='utf-8'?>\n<Delete ${namespace}>${one('a&amp;b')}${one('c')}</Delete>`,
    `<?xml version="1.0" encoding="UTF-8"?><Delete><Quiet>true</Quiet>${one('a&#38;b')}${one('c')}</Delete>\n`,
    list(`\n  ${one('a&#x26;b', '\n<ETag>&quot;x&quot;</ETag>')}\r\n\t${one('c')}\n`),
  ])
    assert.deepEqual(resources(read(body)), ['DeleteObject releases/a&b', 'DeleteObject releases/c'], body)
  assert.deepEqual(resources(read(list(one('\u00e9', '<VersionId></VersionId>')))), [
    'DeleteObjectVersion releases/%C3%A9',
  ])
})

test('what readers of XML take in two ways is refused', () => {
  const wide = (text: string) => Buffer.from(text, 'utf16le')
  const victim = one('other/victim')
  const ascii = Buffer.from(one('app/ok'))
  const cases: (string | Buffer)[] = [
    Buffer.concat([wide('<?xml version="1.0"?><Delete><Quiet>'), ascii, wide(`</Quiet>${victim}</Delete>`)]),
    Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?>${list(one('app/\u00e9'))}`),
    Buffer.from(list(one('app/\u00e9')), 'latin1'),
    `<?xml version="1.0" encoding="UTF-7"?>${list(one('app/ok'))}`,
    `<?xml version="1.1"?>${list(one('app/ok'))}`,
    `\ufeff${list(one('app/ok'))}`,
    list(`${one('app/ok')}<_p:Object><_p:Key>other/victim</_p:Key></_p:Object>`),
    `<Delete xmlns:a-b="u">${one('app/ok')}<a-b:Object><a-b:Key>other/victim</a-b:Key></a-b:Object></Delete>`,
    list(one('app/ok', '<VersionId >x</VersionId >')),
    list(one('app/ok', '<VersionId/>')),
    list(one('app/ok', '<Key>other/victim</Key>')),
    list('<Object><VersionId>x</VersionId></Object>'),
    list(`<Object a="b"><Key>app/ok</Key></Object>`),
    list(`<object><key>other/victim</key></object>${one('app/ok')}`),
    list(`<Quiet>${victim}</Quiet>${one('app/ok')}`),
    list(`<Object>${one('app/ok')}</Object>`),
    list('<Key>app/ok</Key>'),
    list(`<!-- ${victim} -->${one('app/ok')}`),
    list(one('<![CDATA[app/ok]]>')),
    `<!DOCTYPE Delete [<!ENTITY k "other/victim">]>${list(one('&k;'))}`,
    list(one('&k;')),
    list(one('a&#0;')),
    list(one('a&#x1;')),
    list(one('a&#xD800;')),
    list(one('a\rb')),
    list(one('app/../other/victim')),
    list(one('a&amp')),
    list(one('x'.repeat(1_025))),
    list(''),
    `${list(one('app/ok'))}${list(victim)}`,
    `${list(one('app/ok'))}\r\n--B\r\nContent-Disposition: form-data; name="key"\r\n\r\nother/evil`,
    `<Other>${one('app/ok')}</Other>`,
    `<delete>${one('app/ok')}</delete>`,
    one('app/ok'),
    '<Object>'.repeat(500_000),
    `<Delete>${'<Object>'.repeat(500_000)}`,
    `<Delete>${' '.repeat(4_000_000)}`,
    list(one('&'.repeat(4_000_000))),
    list(one('k').repeat(1_001)),
  ]
  for (const body of cases)
    assert.match(
      String(resources(read(body))),
      /^(?:its list|a key of its list|it names more)/,
      String(body).slice(0, 200),
    )
  const plain = list(one('app/ok'))
  assert.match(
    String(read(plain, { 'content-type': 'application/xml; charset=utf-16' })),
    /more than a plain one/,
  )
  for (const [name, value] of [
    ['policy', ''],
    ['x-amz-acl', 'public-read'],
    ['delete', '1'],
    ['versionId', 'x'],
  ] as const)
    assert.match(
      String(
        read(plain, {}, [
          ['delete', ''],
          [name, value],
        ]),
      ),
      /more than `delete`/,
    )
})

test('headers ask for of a list what they ask for of one: a lock that is passed over', async (t) => {
  const world = await openAws(t, ['aws:call prod/s3:DeleteObject/releases/app/*'])
  const remove = (headers: Record<string, string>) =>
    world.askAws({
      ...{ host: hosts.bucket, path: '/?delete=', method: 'POST', body: list(one('app/ok')) },
      headers: { 'content-type': 'application/xml', ...headers },
    })
  assert.equal((await remove({})).status, 200)
  const bypass = await remove({ 'x-amz-bypass-governance-retention': 'true' })
  assert.match(bypass.body, /add .*s3:BypassGovernanceRetention\/releases\/app\/ok/)
  assert.equal(world.aws.seen.length, 1)
})
