import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createStepLines, githubLines, gitlabLines, marked } from './group-lines.ts'

function shown(lines: ReturnType<typeof createStepLines>, text: string, size = 7): string {
  const bytes = Buffer.from(text)
  const out: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) out.push(lines.add(bytes.subarray(at, at + size)))
  return Buffer.concat([...out, lines.end()]).toString()
}
const onGithub = (text: string) => shown(createStepLines(githubLines('a as build')), text)

test('GitHub: what a step says to the CI goes on, but for the end of a group that is not its own', () => {
  const useful = '::warning file=a::b\n::error::c\n::notice::d\n::add-mask::e\n::group::mine\nf\n'
  assert.equal(onGithub(useful), useful)
  for (const end of [
    '::endgroup::',
    ' \t::endgroup::',
    '::EndGroup::x',
    '::endgroup a=b::',
    '\u0085::endgroup::',
  ])
    assert.equal(onGithub(`a\n${end}\nb\r${end}\nc`), 'a\nb\rc\n', end)
  assert.equal(
    onGithub('a ##[endgroup] ##[Group]b ##[warning]c\n'),
    'a ## [endgroup] ## [Group]b ##[warning]c\n',
  )
})

test('GitHub: after a group of its own, the step’s lines are in ours again', () => {
  assert.equal(
    onGithub('::group::x\n1\n::endgroup::\n2\n::endgroup::\n3\n::group::y\n4\n::endgroup::\n::group::z\n'),
    '::group::x\n1\n::endgroup::\n::group::a as build (goes on)\n2\n3\n::group::y\n4\n::endgroup::\n::group::z\n',
  )
})

test('GitHub: commands that a step has stopped go on after it', () => {
  assert.equal(onGithub('::stop-commands::tok\n::error::x'), '::stop-commands::tok\n::error::x\n::tok::\n')
})

test('GitHub: whatever a step prints, outside of every group is none of its lines', () => {
  const word = fc.constantFrom(
    '::endgroup::',
    '::group::',
    '##[endgroup]',
    'x',
    ' ',
    '\n',
    '\r',
    '\u0085',
    ':',
    '::',
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), fc.integer({ min: 1, max: 9 }), (words, size) => {
      let isIn = true
      for (const line of shown(createStepLines(githubLines('t')), words.join(''), size).split(/[\r\n]/)) {
        assert.doesNotMatch(line, /##\[(?:end)?group/)
        const name = /^[\s\u0085]*::(.*?)::/.exec(line)?.[1]?.split(' ')[0]
        if (name === 'group') isIn = true
        else if (name === 'endgroup') isIn = false
        else if (line !== '') assert.ok(isIn, JSON.stringify(words))
      }
    }),
  )
})

test('GitLab: sections of a step go on, and end with it', () => {
  const start = (name: string) => `\x1b[0Ksection_start:1:${name}\r\x1b[0Ktitle\n`
  const end = (name: string) => `\x1b[0Ksection_end:2:${name}\r\x1b[0K\n`
  const text = `${start('a')}${start('b')}1\n${end('b')}${start('c')}2\n`
  const out = shown(createStepLines(gitlabLines()), text)
  assert.ok(out.startsWith(text))
  assert.match(
    out.slice(text.length),
    // oxlint-disable-next-line no-control-regex
    /^\x1b\[0Ksection_end:\d+:c\r\x1b\[0K\n\x1b\[0Ksection_end:\d+:a\r\x1b\[0K\n$/,
  )
})

test('a line that begins as ours do has a mark in front', () => {
  for (const line of ['mayfly: step "a" exit 0', '  mayfly: x', '\x1b[32mmayfly: x', '\0mayfly: x'])
    assert.equal(marked(line), `> ${line}`)
  for (const line of ['it is mayfly: x', 'mayfly run', '']) assert.equal(marked(line), line)
  assert.equal(onGithub('a\nmayfly: x\nb\n'), 'a\n> mayfly: x\nb\n')
})

test('bytes that are no text stay as they are; a line that is too long is shown in parts', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (bytes, size) => {
      const lines = createStepLines(gitlabLines())
      const out: Buffer[] = []
      for (let at = 0; at < bytes.length; at += size)
        out.push(lines.add(Buffer.from(bytes.subarray(at, at + size))))
      const all = Buffer.concat([...out, lines.end()])
      const isEnded = bytes.length === 0 || [10, 13].includes(bytes.at(-1) ?? 0)
      assert.deepEqual(all, Buffer.concat([Buffer.from(bytes), Buffer.from(isEnded ? '' : '\n')]))
    }),
  )
  const long = (count: number) => `${'x'.repeat(count)}::endgroup::${'y'.repeat(70_000)} ##[endgroup]\n`
  for (const count of [70_000, 69_000]) {
    const out = shown(createStepLines(githubLines('a')), long(count), 35_000)
    assert.doesNotMatch(out, /^::endgroup|##\[/m)
    if (count === 69_000) assert.equal(out.replaceAll('\n', '').replace('## [', '##['), long(count).trim())
  }
})
