import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { chooseHits } from '../findings/choose.ts'
import { searchFor } from './find.fixture.ts'
import { builtInRules, fillTemplate, seededRandom } from './index.ts'

const { find } = searchFor(
  builtInRules.filter(({ vendor }) => ['PEM', 'OpenSSH', 'OpenPGP'].includes(vendor)),
)

const each = (line: (line: string) => string) => (key: string) => key.split('\n').map(line).join('\n')

const forms: Readonly<Record<string, (key: string) => string>> = {
  'a patch': each((line) => `+${line}`),
  'a patch that takes it away': each((line) => `-${line}`),
  'a comment': each((line) => `# ${line}`),
  'a comment of C': each((line) => `   * ${line}`),
  'a quotation': each((line) => `> ${line}`),
  'a list': each((line) => `  - ${line}`),
  'a log': each((line) => `2026-01-01T00:00:00.123Z ${line}`),
  'a log of Docker': each((line) => `#12 ${(line.charCodeAt(5) / 7).toFixed(3)} ${line}`),
  'a log of Compose': each((line) => `web_1  | ${line}`),
  'numbered lines': (key) =>
    key
      .split('\n')
      .map((line, i) => `${String(i + 9).padStart(6)}\t${line}`)
      .join('\n'),
  'a table': each((line) => `| ${line} |`),
  Java: each((line) => `    "${line}\\n" +`),
  'Java, operator first': each((line) => `    + "${line}\\n"`),
  'code without line ends in it': each((line) => `  '${line}' .`),
  'an array': each((line) => `  "${line}\\n",`),
  'a comment behind': each((line) => `${line} // of the key`),
  PowerShell: (key) => `"${key.replaceAll('\n', '`n')}"`,
  'PowerShell, both': (key) => `"${key.replaceAll('\n', '`r`n')}"`,
  'line ends of addresses': (key) => key.replaceAll('\n', '%0A'),
  'an address': (key) => `key=${encodeURIComponent(key)}&x=1`,
  'a form': (key) => `key=${new URLSearchParams({ key }).toString()}&x=1`,
  HTML: (key) => `<p>${key.replaceAll('\n', '&#xA;')}</p>`,
  'HTML, decimal': (key) => key.replaceAll('\n', '&#10;'),
  'HTML, with elements': (key) => key.replaceAll('\n', '<br/>\n'),
  'JSON in numbers': (key) => `"${key.replaceAll('\n', '\\u000a')}"`,
  'JSON of PHP, in JSON': (key) => `"${key.replaceAll('/', '\\\\/').replaceAll('\n', '\\\\n')}"`,
  'a string of C': (key) => `"${key.replaceAll('\n', '\\x0a')}"`,
}

for (const [name, as] of Object.entries(forms))
  test(`private keys are found in ${name}`, () => {
    const random = seededRandom(name.length)
    for (const kind of ['rsa', 'ec', 'dsa', 'pkcs8', 'ed25519', 'openssh'])
      for (let time = 0; time < 5; time++) {
        const text = `before\n${as(fillTemplate(`{pem:${kind}}`, random))}\nbehind`
        const hits = chooseHits(find(text))
        assert.equal(hits.length, 1, `${kind}: ${hits.map(({ rule }) => rule.id).join()} in ${text}`)
        assert.equal(hits[0]?.checked, true, `${kind}: ${hits[0]?.note} in ${text}`)
        assert.equal(hits[0]?.confidence, 'certain', text)
      }
  })

test('real keys of this machine are put together as well', () => {
  const keys = [
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs1' }),
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ format: 'pem', type: 'sec1' }),
    generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }),
  ].map((key) => key.trim())
  for (const key of keys)
    for (const [name, as] of Object.entries(forms))
      assert.deepEqual(find(as(key)).filter(({ checked }) => checked).length, 1, name)
})

test('keys of OpenPGP are likely in lines, and those under a passphrase are left to their own kinds', () => {
  const random = seededRandom(5)
  const pgp = `-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\nlQOYBF{alnum:58}\n{base64:64}\n{base64:32}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----`
  for (const mark of ['+', '# ', '> ', '12:00:01 ']) {
    const text = fillTemplate(pgp, random)
      .split('\n')
      .map((line) => mark + line)
      .join('\n')
    assert.deepEqual(
      find(text).map(({ rule, confidence }) => `${rule.id} ${confidence}`),
      ['private-key-in-lines likely'],
      text,
    )
  }
  for (const kind of ['encrypted', 'openssh-encrypted'])
    assert.ok(
      !find(fillTemplate(`# {pem-joined:${kind},\n# }`, random)).some(
        ({ rule }) => rule.id === 'private-key-in-lines',
      ),
    )
})

test('a key that is cut off, or of which a line is missing, is likely', () => {
  const lines = fillTemplate('{pem:rsa}', seededRandom(8))
    .split('\n')
    .map((line) => `# ${line}`)
  for (const some of [lines.slice(0, 6), lines.toSpliced(5, 1)])
    assert.deepEqual(
      find(some.join('\n')).map(({ rule, confidence }) => `${rule.id} ${confidence}`),
      ['private-key-in-lines likely'],
    )
})

test('headers without end are gone through in the time of a test', () => {
  for (const text of [
    '-----BEGIN RSA PRIVATE KEY-----',
    '-----BEGIN RSA PRIVATE KEY-----\n# MIIEowIBAAKCAQEAabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst\n',
    'PRIVATE+KEY--',
  ])
    for (const filling of ['', '\n', '%0A', '`n', 'M'.repeat(63)])
      assert.ok(
        find((text + filling).repeat(Math.ceil(1_000_000 / (text.length + filling.length)))).length < 100_000,
      )
})
