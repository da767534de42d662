import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRules } from '../engine/index.ts'
import { createAllowList } from '../findings/index.ts'
import { mergeRules, readGitleaksConfig } from './index.ts'
import { onlyGroup } from './only-group.ts'

const config = `title = "ours"
minVersion = "v8.25.0"
[extend]
useDefault = true

[[rules]]
id = "Acme_Token"
description = "Acme token"
regex = '''(?i)(acme|beta)[ =:]+([a-f0-9]{16})(?:[^a-f0-9]|$)'''
secretGroup = 2
entropy = 2.5
keywords = ["acme", "beta"]
path = '''\\.env$'''
tags = ["x"]

[[rules.allowlists]]
description = "those of the tests"
condition = "AND"
paths = ['''^test/''']
regexes = ['''^dead''']

[[rules]]
id = "generic-api-key"
[[rules.allowlists]]
stopwords = ["example"]

[[rules]]
id = "names"
path = '''\\.pem$'''

[[rules]]
id = "back"
regex = '''(a)key\\1'''

[[allowlists]]
targetRules = ["Acme_Token"]
regexTarget = "line"
regexes = ['''# sample''']
stopwords = ["0000"]

[[allowlists]]
description = "of one commit"
condition = "AND"
commits = ["c0ffee"]
paths = ['''vendor/''']

[surprise]
key = 1
`

test('a configuration of gitleaks: its rules find what they would, and the rest is said by name', () => {
  const { rules, isAlone, warnings } = readGitleaksConfig(config, 'gitleaks.toml')
  assert.equal(isAlone, false)
  assert.deepEqual(
    rules.map(({ id, title, confidence, entropy, path }) => [id, title, confidence, entropy, path]),
    [['gitleaks-acme-token-9657839a', 'Acme token', 'likely', 2.5, '\\.env$']],
  )
  const text = Buffer.from('x\nACME = 0123456789abcdef\nbeta: aaaaaaaaaaaaaaaa\n')
  const found: string[] = []
  compileRules(rules).find(text, ({ start, end }) => found.push(text.toString('utf8', start, end)))
  assert.deepEqual(found, ['0123456789abcdef'])
  for (const expected of [
    'surprise is not known here, and not used',
    'rule generic-api-key: left out: it has no regex, so it changes a rule of gitleaks’ own, which is not here',
    'rule names: left out: it has only a path: that a file has a name is no finding here',
    /rule back: left out: .*backreference|rule back: left out: at character/,
    '1 rules come without examples: each was held against a text that was made from its own pattern, and what it finds counts as likely',
    'an allow list: commits is part of a condition AND, so it allows nothing here',
  ])
    assert.ok(
      warnings.some((warning) =>
        typeof expected === 'string' ? warning === `gitleaks.toml: ${expected}` : expected.test(warning),
      ),
      `${String(expected)}\n${warnings.join('\n')}`,
    )
  assert.equal(warnings.length, 6, warnings.join('\n'))
})

test('its allow lists allow what they say, and no more', () => {
  const allow = createAllowList(readGitleaksConfig(config, 'gitleaks.toml').allow, 0)
  const base = {
    rule: 'gitleaks-acme-token-9657839a',
    file: 'a.env',
    fingerprint: '',
    secret: 'dead4567dead4567',
    line: '',
  }
  const reason = (more: Partial<typeof base>) => allow.entryFor({ ...base, ...more })?.reason
  assert.equal(reason({}), undefined)
  assert.equal(reason({ file: 'test/a.env' }), 'those of the tests')
  assert.equal(reason({ file: 'test/a.env', secret: 'beefbeefbeefbeef' }), undefined)
  assert.equal(reason({ file: 'test/a.env', rule: 'other' }), undefined)
  assert.equal(reason({ line: 'acme = x # sample' }), 'an allow list of gitleaks')
  assert.equal(reason({ secret: '00001111' }), 'an allow list of gitleaks')
  assert.equal(reason({ line: '# sample', rule: 'other' }), undefined)
  assert.equal(reason({ file: 'vendor/x' }), undefined)
  assert.equal(
    reason({ rule: 'gitleaks-generic-api-key', secret: 'an-EXAMPLE-key' }),
    'an allow list of rule generic-api-key of gitleaks',
  )
})

test('an allow list for rules of gitleaks, which are not ours, allows nothing and is said by name', () => {
  const list = (rules: string) =>
    `[[rules]]\nid = 'Corp'\nregex = 'corp-[0-9]{9}'\n[[allowlists]]\ntargetRules = [${rules}]\npaths = ['log']\n`
  const own = readGitleaksConfig(list("'Corp'"), 'g.toml')
  assert.ok(!own.warnings.some((warning) => warning.includes('targetRules')))
  const both = readGitleaksConfig(list("'Corp', 'github-pat'"), 'g.toml')
  assert.match(
    both.warnings.join('\n'),
    /targetRules names rules of gitleaks, which are not ours \(github-pat\)/,
  )
  assert.deepEqual(
    both.allow.map(({ rules }) => rules),
    [['gitleaks-corp-59780980']],
  )
  const none = readGitleaksConfig(list("'generic-api-key'"), 'g.toml')
  assert.match(none.warnings.join('\n'), /not ours \(generic-api-key\)/)
  assert.deepEqual(none.allow, [])
})

test('without useDefault the built-in rules are not asked; what extends from elsewhere is refused', () => {
  const { isAlone, warnings } = readGitleaksConfig('title = "x"', 'g.toml')
  assert.ok(isAlone)
  assert.match(warnings.join(), /built-in rules are not asked/)
  assert.throws(
    () => readGitleaksConfig('[extend]\npath = "x.toml"', 'g.toml'),
    /extend.path and extend.url are not followed/,
  )
  assert.throws(() => readGitleaksConfig('rules = 1', 'g.toml'), { code: 'bad_input' })
  assert.throws(() => readGitleaksConfig('[[[', 'g.toml'), /is not TOML/)
  // A file of another kind, which may have a secret in it.
  assert.throws(
    () => readGitleaksConfig('\nPASSWORD=quiet-otter\n', 'g.toml'),
    (error: Error) => {
      assert.match(error.message, /is not TOML: line 2, column 10: /)
      assert.doesNotMatch(error.message, /quiet/)
      return true
    },
  )
  assert.throws(() => readGitleaksConfig(`x = ${'['.repeat(100_000)}`, 'g.toml'), { code: 'bad_input' })
})

test('a rule without keywords is looked for by the words of its pattern; one without such is left out', () => {
  const of = (regex: string, keywords = '') =>
    readGitleaksConfig(`[[rules]]\nid = "x"\nregex = '''${regex}'''\n${keywords}`, 'g.toml')
  assert.deepEqual(of('corp-[a-z]{9}').rules[0]?.keywords, ['corp-'])
  assert.match(of('[a-z]{9}').warnings.join(), /left out: no word of three letters stands in all/)
  const { rules, warnings } = of('[a-z]{9}[0-9]', 'keywords = ["secret", "!!!"]')
  assert.deepEqual(rules[0]?.keywords, ['secret'])
  assert.match(warnings.join(), /it is looked for only where it has secret/)
})

test('one group of a pattern captures, the others do not', () => {
  assert.equal(onlyGroup('(a)(b(c))', 2), '(?:a)(b(?:c))')
  assert.equal(onlyGroup('[(](?:x)\\((?P<n>y)(z)', 2), '[(](?:x)\\((?:y)(z)')
  assert.equal(onlyGroup('[]()](a)\\Q(b)\\E(?i)(c)', 2), '[]()](?:a)\\Q(b)\\E(?i)(c)')
  assert.equal(onlyGroup('(?:a)', 1), undefined)
})

test('rules whose ids differ stay different rules, whatever the ids are of', () => {
  const ids = [
    'acme.x',
    'acme-x',
    'Acme_X',
    'acme--x',
    '...',
    'é',
    '-',
    'x'.repeat(150),
    `${'x'.repeat(150)}y`,
  ]
  const toml = ids.map((id, i) => `[[rules]]\nid = "${id}"\nregex = "key${i}=[a-z]{9}"\n`).join('')
  const { rules, warnings } = readGitleaksConfig(toml, 'g.toml')
  assert.equal(new Set(rules.map(({ id }) => id)).size, ids.length)
  for (const { id } of rules) assert.match(id, /^gitleaks-[a-z0-9]+(?:-[a-z0-9]+)*$/)
  assert.ok(rules.some(({ id }) => id === 'gitleaks-acme-x'))
  assert.equal(
    mergeRules([readGitleaksConfig(toml, 'g.toml'), readGitleaksConfig(toml, 'g.toml')]).warnings.length,
    0,
  )
  assert.ok(!warnings.some((one) => one.includes('twice')))
  // A rule that is there twice counts once, as there, and it is said.
  const twice = readGitleaksConfig(`${toml}[[rules]]\nid = "acme.x"\nregex = "other=[a-z]{9}"\n`, 'g.toml')
  assert.equal(twice.rules.length, ids.length)
  assert.ok(
    twice.warnings.includes(
      'g.toml: rule acme.x: it is there twice, and the last one counts, as in gitleaks',
    ),
  )
  const { warnings: said, rules: both } = mergeRules([readGitleaksConfig(toml, 'g.toml'), twice])
  assert.equal(both.length, ids.length)
  assert.match(
    said.join(),
    /^the rule gitleaks-acme-x-[0-9a-f]{8} is in several files: that of the last one counts$/,
  )
})

test('what is of the match accepts no more than it says', () => {
  const of = (list: string) => {
    const read = readGitleaksConfig(`[[allowlists]]\nregexTarget = "match"\n${list}`, 'g.toml')
    const allow = createAllowList(read.allow, 0)
    const asked = {
      rule: 'r',
      file: 'a',
      fingerprint: '',
      secret: 'ghp_example1',
      line: 'T=ghp_example1 # see the sample',
    }
    return { isAllowed: allow.entryFor(asked) !== undefined, warnings: read.warnings.join('\n') }
  }
  assert.equal(of('regexes = ["sample"]').isAllowed, false)
  assert.equal(of('regexes = ["example[0-9]"]').isAllowed, true)
  assert.match(of('regexes = ["example"]').warnings, /held against the secret alone, so it allows less/)
  // The match may begin before the secret.
  const where = of('regexes = ["^ghp_", "nothing"]')
  assert.equal(where.isAllowed, false)
  assert.match(where.warnings, /what says where it stands .* allows nothing here/)
  assert.equal(
    of('condition = "AND"\nregexes = ["^ghp_", "example"]\nstopwords = ["example"]').isAllowed,
    false,
  )
})

test('of rules that are not all held at once each finds what it says, again and again', () => {
  const numbers = Array.from({ length: 200 }, (_, i) => i)
  const ruleOf = (i: number) => `[[rules]]\nid = "r${i}"\nregex = "(?i)vendor${i}_[a-z0-9-]{20,1000}"\n`
  const read = readGitleaksConfig(numbers.map(ruleOf).join(''), 'g.toml').rules
  const engine = compileRules(read, { proven: new Set(read) })
  const text = Buffer.from(
    numbers
      .map((i) => `Vendor${i}_${'a1-'.repeat(9)}\n`)
      .join('')
      .repeat(2),
  )
  const found: string[] = []
  engine.find(text, ({ rule }) => void found.push(rule.id))
  const once = numbers.map((i) => `gitleaks-r${i}`)
  assert.deepEqual(found, [...once, ...once])
})
