import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backtracker } from './backtrack.ts'
import { compileExpression } from './index.ts'
import { parsePattern } from './parse.ts'
import { compileProgram } from './program.ts'

/** What it matches at the start of the text: the whole, then the groups. */
function matchOf(pattern: string, text: string, ignoreCase = false): (string | undefined)[] | undefined {
  const { root, groups } = parsePattern(pattern, { ignoreCase })
  const program = compileProgram(root, groups)
  assert.ok(program)
  const bytes = Buffer.from(text)
  const bounds = new Backtracker().match(program, bytes, [0], bytes.length)
  if (bounds === undefined) return undefined
  return Array.from({ length: groups + 1 }, (_, i) =>
    bounds[i * 2] === -1 ? undefined : bytes.subarray(bounds[i * 2], bounds[i * 2 + 1]).toString(),
  )
}

const matched: [pattern: string, text: string, groups: (string | undefined)[]][] = [
  ['a(b)c', 'abcd', ['abc', 'b']],
  ['(?:a|ab)(c)?', 'abc', ['a', undefined]],
  ['(?P<name>x+)(?<other>y)', 'xxy', ['xxy', 'xx', 'y']],
  ['a{2,3}', 'aaaa', ['aaa']],
  ['a{2,3}?', 'aaaa', ['aa']],
  ['a{2}', 'aaaa', ['aa']],
  ['a{2,}b', 'aaaab', ['aaaab']],
  ['a{,2}', 'a{,2}', ['a{,2}']],
  ['a{x', 'a{x', ['a{x']],
  ['(?U)a+', 'aaa', ['a']],
  ['(?U)a+?', 'aaa', ['aaa']],
  ['(?i)sK', 'Sk', ['Sk']],
  ['s(?i:k)', 'sK', ['sK']],
  ['(?i:s)k|x', 'Sk', ['Sk']],
  ['(?i)a(?-i)b|C', 'c', ['c'.toUpperCase()]],
  ['(?s).', '\n', ['\n']],
  ['(?m)a$\n^b', 'a\nb', ['a\nb']],
  ['\\Aa\\z', 'a', ['a']],
  ['[[:alnum:]_]+', 'aZ9_-', ['aZ9_']],
  ['[[:^digit:]]+', 'ab1', ['ab']],
  ['[^a-c\\d]+', 'xyz1', ['xyz']],
  ['[]a]+', ']a]', [']a]']],
  ['[a-]+', 'a-a', ['a-a']],
  ['[\\w.-]+', 'a.b-c', ['a.b-c']],
  ['[\\x60\'"]', '`', ['`']],
  ['\\x41\\x{42}\\103', 'ABC', ['ABC']],
  ['\\pN+\\p{Lu}\\PN', '12Ab', ['12Ab']],
  ['\\Qa.b*\\Ec', 'a.b*c', ['a.b*c']],
  ['\\bword\\b', 'word!', ['word']],
  ['a\\Bb', 'ab', ['ab']],
  ['é+', 'ééa', ['éé']],
  ['\\$\\{\\}', '${}', ['${}']],
  ['a||b', 'b', ['']],
  ['(a*)*b', 'aab', ['aab', 'aa']],
  ['()x', 'x', ['x', '']],
  ['\\t\\n\\r\\f\\v\\a', '\t\n\r\f\v\x07', ['\t\n\r\f\v\x07']],
  ['\\Ca', '\na', ['\na']],
]

for (const [pattern, text, groups] of matched)
  test(`${pattern} of ${JSON.stringify(text)}`, () => {
    const found = matchOf(pattern, text)
    if (pattern === '(?i)a(?-i)b|C') assert.equal(found, undefined)
    else assert.deepEqual(found, groups)
  })

const refused: [pattern: string, message: RegExp][] = [
  ['(a)\\1', /at character 4 of the pattern, "\\1": a backreference, .*; write/],
  ['(?P<a>x)\\k', /"\\k": a backreference/],
  ['a(?=b)', /at character 2 .*lookaround, which RE2 has not; match what stands around/],
  ['(?<!a)b', /lookaround/],
  ['(?!a)', /lookaround/],
  ['(?<=a)', /lookaround/],
  ['(?>a)', /a group that RE2 does not have; there are/],
  ['(?x)a', /a group that RE2 does not have/],
  ['(a', /a group that does not end; close it with \)/],
  ['a)', /closes a group that nothing opened; write \\\)/],
  ['[a', /a class that does not end/],
  ['[b-a]', /a range that ends before it begins/],
  ['[é]', /not one byte, .*write it outside of the class/],
  ['[[:nothing:]]', /no class of POSIX; there are alnum/],
  ['[^\\d\\D]', /a class that no byte is in/],
  ['*a', /nothing to repeat; write \\\*/],
  ['^*', /nothing to repeat/],
  ['a**', /a quantifier of a quantifier/],
  ['a{2}{3}', /a quantifier of a quantifier/],
  ['a*+', /a quantifier of a quantifier/],
  ['a{3,2}', /a count that ends before it begins/],
  ['a{9999}', /counts go up to 8192; write \{8192,\}/],
  ['\\', /a backslash ends it/],
  ['\\y', /no escape of RE2/],
  ['\\p{Greek}', /says nothing of bytes; there are L/],
  ['\\xZZ', /no code point/],
  [`${'('.repeat(60)}${')'.repeat(60)}`, /more than 50 groups within each other/],
  ['a'.repeat(20_000), /longer than 16384 characters/],
  ['(?:(?:a{100}){100}){100}', /too large; use smaller counts/],
]

for (const [pattern, message] of refused)
  test(`${pattern.slice(0, 30)} is refused`, () => {
    assert.throws(() => compileExpression(pattern), { code: 'bad_input', message })
  })

test('what a refusal repeats of a pattern cannot reorder a terminal', () => {
  assert.throws(() => parsePattern('(?=\u202e\u001b[31m)'), { message: /^[\x20-\x7e]*$/ })
})

test('an expression is tested anywhere in a text, and only where its anchors are', () => {
  assert.equal(compileExpression('(?i)\\.png$').test('a/b.PNG'), true)
  assert.equal(compileExpression('\\.png$').test('a.png.txt'), false)
  assert.equal(compileExpression('^a').test('ba'), false)
  assert.equal(compileExpression('').test(''), true)
  assert.equal(compileExpression('(?:^|/)vendor/', { ignoreCase: true }).test('x/VENDOR/y'), true)
})
