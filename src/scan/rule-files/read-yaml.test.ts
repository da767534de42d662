import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { formatProblem } from '../../config/index.ts'
import { mergeRules, readRuleFile } from './index.ts'

const builtIn = new Set(['github-token', 'npm-token'])
const acme = `rules:
  - id: acme-token
    title: Acme API token
    keywords: [acme_]
    pattern: "\\\\b(acme_[A-Za-z0-9]{32})\\\\b"
    confidence: certain
    connection: http
    examples:
      positive: ["TOKEN=acme_{alnum:32}"]
      negative: ["TOKEN=acme_{alnum:8} "]
`
const read = (text: string) => readRuleFile(text, 'scan.yaml', builtIn)
const problems = (text: string) => {
  const answer = read(text)
  return answer.ok ? [] : answer.problems.map(formatProblem)
}

test('a rule file: own rules, built-in ones that are not asked, and what is allowed, each with a reason', () => {
  const answer = read(`${acme}disable:
  - { rule: npm-token, reason: we have no npm }
allow:
  - { reason: test keys, paths: ["test/*"], rules: [acme-token, github-token], until: 2027-01-31 }
unseen:
  - { reason: their passwords are in the vault, paths: ["*.zip"] }
`)
  assert.ok(answer.ok)
  const { rules, allow, unseen, warnings } = answer.value
  assert.equal(rules[0]?.pattern, '\\b(acme_[A-Za-z0-9]{32})\\b')
  assert.deepEqual(allow, [
    {
      reason: 'test keys',
      untilMs: Date.UTC(2027, 1, 1),
      rules: ['acme-token', 'github-token'],
      paths: ['test/*'],
    },
  ])
  assert.deepEqual(unseen, [{ reason: 'their passwords are in the vault', paths: ['*.zip'] }])
  assert.deepEqual(warnings, [
    'scan.yaml disables npm-token: we have no npm',
    'scan.yaml lets *.zip be unseen: their passwords are in the vault',
  ])
  assert.deepEqual(mergeRules([answer.value, answer.value]), {
    ...{ rules, without: ['npm-token', 'npm-token'], allow: [...allow, ...allow], gitleaksAllow: false },
    warnings: [],
  })
  assert.deepEqual(read(''), { ok: true, value: { ...noRules } })
})

const noRules = {
  rules: [],
  isAlone: false,
  disabled: [],
  allow: [],
  unseen: [],
  gitleaksAllow: false,
  warnings: [],
}

const wrong: [string, RegExp][] = [
  [
    acme.replace('alnum:32', 'alnum:31'),
    /^scan.yaml:9:18: rule acme-token: it does not find this positive example$/,
  ],
  [acme.replace('alnum:8', 'alnum:32'), /^scan.yaml:10:18: rule acme-token: it finds this negative example$/],
  [acme.replace('alnum:32', 'nonsense:32'), /^scan.yaml:9:18: .*\{nonsense:32\}, which is none of/],
  [acme.replace(/ {6}negative.*\n/, ''), /examples.negative: is required/],
  [
    acme.replace('[acme_]', '[no-where]'),
    /^scan.yaml:5:5: rule acme-token: the pattern cannot contain the keyword "no-where"/,
  ],
  [acme.replace('[A-Za-z0-9]', '(?=x)'), /^scan.yaml:5:5: .*pattern.*lookaround|^scan.yaml:5:5: .*\(\?=/],
  [acme.replace('acme-token', 'npm-token'), /^scan.yaml:2:5: there is a built-in rule npm-token/],
  [acme.replace('confidence', 'confidense'), /unknown key "confidense".*did you mean "confidence"/],
  [acme.replace('    keywords', "    path: '('\n    keywords"), /^scan.yaml:4:5: .*\(/],
  ['disable: [{ rule: npm-tokn, reason: no npm }]', /there is no rule npm-tokn: did you mean npm-token\?/],
  ['disable: [{ rule: npm-token }]', /reason: is required/],
  [
    'allow: [{ reason: all of it }]',
    /names no paths, values or fingerprints: to have no finding of a rule at all, use disable/,
  ],
  ['allow: [{ reason: x, paths: ["*"] }]', /say why/],
  ['allow: [{ reason: "\\u200b\\u200b\\u200b", paths: ["*"] }]', /say why/],
  ['unseen: [{ reason: "...", paths: ["*"] }]', /say why/],
  ['allow: [{ reason: known, fingerprints: ["abc"] }]', /a fingerprint has 32 hex digits/],
  [
    'allow: [{ reason: known, paths: ["a"], rules: [nothing-like-it] }]',
    /there is no rule nothing-like-it: mayfly scan --list-rules/,
  ],
]

test('what is wrong is said with its line, and nothing of the file is used', () => {
  for (const [text, expected] of wrong) {
    const [first, ...rest] = problems(text)
    assert.match(first ?? '', expected, text)
    assert.equal(rest.length, 0, rest.join('\n'))
  }
})

test('the example of docs/scan.md is one', () => {
  const page = readFileSync(new URL('../../../docs/scan.md', import.meta.url), 'utf8')
  const [, example = ''] = /```yaml\n(rules:\n[^]*?)```/.exec(page) ?? []
  const answer = readRuleFile(example, 'scan.yaml', new Set(['generic-password']))
  assert.deepEqual(answer.ok ? [] : answer.problems, [])
})
