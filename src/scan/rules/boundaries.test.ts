import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Rule } from '../engine/index.ts'
import { searchFor } from './find.fixture.ts'
import { builtInRules, fillTemplate, seededRandom } from './index.ts'

type Around = (secret: string) => string

/** Where a secret begins behind an escape or an option, or ends before one. */
const escapes: Readonly<Record<string, Around>> = {
  'a line in a string': (secret) => String.raw`{"log":"Logged in\n${secret}\n"}`,
  'a line in a string in a string': (secret) => String.raw`{"log":"{\"out\":\"in\\n${secret}\\n\"}"}`,
  'a tab in a string': (secret) => String.raw`print("a\t${secret}")`,
  'a line of Windows in a string': (secret) => String.raw`"a\r${secret}\r\n"`,
  'quotes by number': (secret) => String.raw`\u0022${secret}\u0022`,
  'quotes in hex': (secret) => String.raw`\x22${secret}\x22`,
  'quotes in octal': (secret) => String.raw`\042${secret}\042`,
  'quotes in a string': (secret) => String.raw`"{\"a\":\"${secret}\"}"`,
  'quotes as entities': (secret) => `&quot;${secret}&quot;`,
  'an address in an address': (secret) => `/cb?redirect=https%3A%2F%2Fx%3Ftoken%3D${secret}%26state%3Da`,
  'small hex in an address': (secret) => `/cb?to=a%3d${secret}%26b`,
  'an address in that': (secret) => `/cb?to=a%253D${secret}%2526b`,
  'a blank in an address': (secret) => `/q?text=a%20${secret}%20b`,
  'a mail': (secret) => `https://acme.example/?token=3D${secret}`,
  'a colour': (secret) => `\x1b[1;31m${secret}\x1b[0m`,
  'a colour by number': (secret) => String.raw`\u001b[32m${secret}\u001b[0m`,
  'an option': (secret) => `docker login -u me -p${secret} ghcr.io`,
}

/** What somebody joined it to. */
const joins: Readonly<Record<string, Around>> = {
  'behind x-': (secret) => `cp a backup-${secret}`,
  'behind k_': (secret) => `refs/heads/try_${secret}`,
  'before -old': (secret) => `${secret}-old`,
  'before _2': (secret) => `${secret}_2`,
}

const [ownAlphabet, word, short, long] = [
  '- and _ are of its own alphabet, and nothing says where it begins or ends',
  'it begins as words do that others are joined to, and what follows may be such words',
  'three characters begin it, and its alphabet is that of many texts',
  'so much of its own alphabet follows that a text of nothing but its beginning would be looked at again and again',
]
/** What is certain, and beside `-` and `_` not told from a part of something longer. */
const joinedToNothing: Readonly<Record<string, string>> = {
  'azure-entra-client-secret': ownAlphabet,
  'azure-function-key': ownAlphabet,
  'buildkite-job-token': long,
  'buildkite-packages-token': long,
  'crates-io-token': short,
  'datadog-prefixed-token': word,
  'hashicorp-vault-token': word,
  'jfrog-reference-token': short,
  'launchdarkly-sdk-key': word,
  'mailchimp-api-key': ownAlphabet,
  'maxmind-license-key': ownAlphabet,
  'netlify-token': word,
  'notion-legacy-token': word,
  'nuget-key': short,
  'replicate-token': short,
  'supabase-secret-key': word,
  'unleash-api-token': ownAlphabet,
  'vercel-prefixed-token': word,
}

interface Alone {
  readonly rule: Rule
  readonly secret: string
  readonly find: ReturnType<typeof searchFor>['find']
}

/** Secrets in one line that need nothing around them to be found. */
function secretsAlone(rule: Rule): Alone[] {
  const { find } = searchFor([rule])
  return rule.examples.positive.flatMap((template, at) => {
    const text = fillTemplate(template, seededRandom(at + 1))
    const hit = find(text)[0]
    if (hit === undefined) return []
    const secret = text.slice(hit.start, hit.end)
    return !secret.includes('\n') && find(` ${secret} `).length === 1 ? [{ rule, secret, find }] : []
  })
}

function lost({ secret, find }: Alone, contexts: Readonly<Record<string, Around>>): string[] {
  return Object.entries(contexts).flatMap(([name, around]) => {
    const text = around(secret)
    const at = text.indexOf(secret)
    return find(text).some(({ start, end }) => start <= at && end >= at + secret.length) ? [] : [name]
  })
}

const alone = builtInRules.filter(({ path }) => path === undefined).flatMap(secretsAlone)

test('a secret that needs nothing around it is found behind each escape, and before it, whatever its kind', () => {
  assert.ok(new Set(alone.map(({ rule }) => rule.id)).size > 240)
  const all = alone.flatMap((one) => lost(one, escapes).map((name) => `${one.rule.id}: ${name}`))
  assert.deepEqual(all, [])
})

test('what is certain is found where somebody joined it to a word', () => {
  const certain = alone.filter(({ rule }) => rule.confidence === 'certain')
  const losing = new Set(certain.filter((one) => lost(one, joins).length > 0).map(({ rule }) => rule.id))
  assert.deepEqual([...losing].toSorted(), Object.keys(joinedToNothing).toSorted())
})

test('what stands beside it is no part of the secret, and of a longer word it is none', () => {
  const [glpat, ghp] = ['glpat-{base64url:19}{alnum:1}', 'ghp_{alnum:30}{github-crc}'].map((template) =>
    fillTemplate(template, seededRandom(5)),
  ) as [string, string]
  const { find } = searchFor(builtInRules)
  const found = (text: string) => find(text).map(({ start, end }) => text.slice(start, end))
  assert.deepEqual(found(`"in\\n${glpat}-old"`), [glpat])
  assert.deepEqual(found(`KEY${ghp}END`), [ghp])
  assert.deepEqual(found(`a${glpat}`), [])
  // An escape is what it stands for: \u0061 is a letter, \u0020 is none; %2B is of base64, %3D is not.
  const crate = fillTemplate('cio{alnum:32}', seededRandom(5))
  assert.deepEqual(found(`a\\u0061${crate} `), [])
  assert.deepEqual(found(`a\\u0020${crate} `), [crate])
  const key = fillTemplate('cflt{base64:60}', seededRandom(5))
  assert.deepEqual(found(`a%2B${key} `), [])
  assert.deepEqual(found(`a%3D${key} `), [key])
  for (const none of [
    'cache-key-{hex:32}',
    'my-sdk-{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
    'client_secret_{alnum:43}',
    'the_nfc_reader_of_all_of_the_many_things',
  ])
    assert.deepEqual(found(fillTemplate(none, seededRandom(5))), [], none)
})

/** Strings in strings, in which names and quotes stand as well. */
const strings: Readonly<Record<string, Around>> = {
  'a string': (text) => JSON.stringify({ log: `in\n${text}\nout` }),
  'a string in a string': (text) => JSON.stringify({ value: JSON.stringify({ log: `in\n${text}\nout` }) }),
}

const [lines, backslash] = [
  'it goes by lines, of which a string has none',
  'a password may have backslashes itself: one that ends before \\" would not be told from it',
]
/** Of which an example is not found in a string. Keys in lines are found by private-key-in-lines, or as what else is in them. */
const notInStrings: Readonly<Record<string, string>> = {
  'akamai-edgerc-client-secret': lines,
  'ansible-plain-password': backslash,
  'gcp-hmac-key': lines,
  'gcp-service-account-key': lines,
  'generic-password': backslash,
  'generic-secret': backslash,
  'http-call-password': backslash,
  'kubernetes-secret-manifest': lines,
  'kubernetes-secret-manifest-sorted': lines,
  'mail-login-password': backslash,
  'nuget-password': backslash,
  'npmrc-token': backslash,
  'oracle-cloud-auth-token': backslash,
  'pem-passphrase-private-key': lines,
  'pgp-private-key': lines,
  'postgres-environment-password': backslash,
  'powershell-plain-password': backslash,
  'putty-private-key': lines,
  'scaleway-key-pair': lines,
  'shadow-hash': lines,
  'ssh2-private-key': lines,
  'wordpress-database-password': backslash,
}

test('all kinds but those that are named are found in strings, with the names and the quotes that they go by', () => {
  const losing = builtInRules.filter((rule) => {
    if (rule.path !== undefined) return false
    const { find } = searchFor([rule])
    const texts = rule.examples.positive.map((template) => fillTemplate(template, seededRandom(1)))
    return texts.some((text) => Object.values(strings).some((around) => find(around(text)).length === 0))
  })
  assert.deepEqual(losing.map(({ id }) => id).toSorted(), Object.keys(notInStrings).toSorted())
})
