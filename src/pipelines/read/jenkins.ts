import type { Entry, Job, ReadProblem, Reference, Runner, Span, Step, Text } from '../model.ts'
import { jobOf, optional, stepOf, type FileParts, type FoundSecret } from './file-parts.ts'
import { blocksOf, type Block } from './groovy-blocks.ts'
import type { Token } from './groovy-tokens.ts'
import { jenkinsSecrets } from './jenkins-secrets.ts'
import { imageReference, reference } from './references.ts'

interface JenkinsParts extends FileParts {
  readonly secrets: readonly FoundSecret[]
  readonly problems: readonly ReadProblem[]
}

const shells = new Set(['sh', 'bat', 'powershell', 'pwsh'])

/**
 * A Jenkinsfile: what stands in the blocks of a declarative pipeline (https://www.jenkins.io/doc/book/pipeline/syntax/), and of any other
 * Groovy its stages, shell steps and credentials. What a program decides is a problem, not a guess.
 */
export function readJenkins(text: string): JenkinsParts {
  const groovy = blocksOf(text)
  const top = groovy.blocks.find(({ head, body }) => head[0]?.text === 'pipeline' && body !== undefined)
  const secrets = jenkinsSecrets(groovy.tokens)
  const problems: ReadProblem[] = [...groovy.problems, ...secrets.problems]
  const body = top?.body ?? groovy.blocks
  if (top === undefined)
    problems.push({
      message: 'it is no declarative pipeline: only its stages, shell steps and credentials are read',
      span: { start: 0, end: 0 },
      isUnclear: true,
    })
  return {
    role: 'pipeline',
    triggers: (named(body, 'triggers')?.body ?? []).flatMap(({ head: [first], start, end }) =>
      first === undefined ? [] : [{ name: first.text, span: { start, end } }],
    ),
    environment: environmentOf(body),
    jobs: jobsIn(body, problems),
    references: [...librariesOf(groovy.tokens), ...imagesOf(body)],
    secrets: secrets.found,
    problems,
  }
}

function named(blocks: readonly Block[], name: string): Block | undefined {
  return blocks.find(({ head, body }) => head[0]?.text === name && body !== undefined)
}

function spanOf({ start, end }: Span): Span {
  return { start, end }
}

function textOf({ text, start, end }: Token): Text {
  return { value: text, span: { start, end } }
}

/** `NAME = 'value'` and `NAME = credentials('id')`, whose value is left out. */
function environmentOf(blocks: readonly Block[]): Entry[] {
  return (named(blocks, 'environment')?.body ?? []).flatMap(({ head, start, end }): Entry[] => {
    const [key, equals, value] = head
    if (key?.kind !== 'name' || equals?.text !== '=') return []
    const isText = value?.kind === 'string' && head.length === 3
    return [{ key: textOf(key), value: isText ? textOf(value) : undefined, span: { start, end } }]
  })
}

interface Stages {
  readonly jobs: readonly Job[]
  /** Steps that stand in none of these. */
  readonly loose: readonly Step[]
}

/** Stages wherever they are: below each other, in parallel, in a program. */
function stagesIn(blocks: readonly Block[], problems: ReadProblem[]): Stages {
  const found = blocks.map((block): Stages => {
    const inner = stagesIn(block.body ?? [], problems)
    if (block.head[0]?.text === 'stage' && block.body !== undefined)
      return { jobs: [stageOf(block, inner.loose), ...inner.jobs], loose: [] }
    return { jobs: inner.jobs, loose: [...stepOfBlock(block, problems), ...inner.loose] }
  })
  return { jobs: found.flatMap(({ jobs }) => jobs), loose: found.flatMap(({ loose }) => loose) }
}

function stageOf(block: Block, steps: readonly Step[]): Job {
  const body = block.body ?? []
  return jobOf({
    id: block.head.find(({ kind }) => kind === 'string')?.text ?? 'stage',
    key: spanOf(block.head[0] ?? block),
    span: spanOf(block),
    ...optional('runner', runnerOf(body)),
    images: imagesOf(body),
    environment: environmentOf(body),
    steps,
  })
}

function jobsIn(blocks: readonly Block[], problems: ReadProblem[]): Job[] {
  const { jobs, loose } = stagesIn(blocks, problems)
  const [first, last] = [loose[0], loose.at(-1)]
  if (first === undefined || last === undefined) return [...jobs]
  const span = { start: first.span.start, end: last.span.end }
  return [...jobs, jobOf({ id: 'pipeline', key: first.span, span, steps: loose })]
}

/** `sh '...'`, `sh(script: '...')`. */
function stepOfBlock({ head, start, end }: Block, problems: ReadProblem[]): Step[] {
  const at = head.findIndex(({ text, kind }, i) => kind === 'name' && shells.has(text) && isCall(head, i))
  const call = head[at]
  if (call === undefined) return []
  const args = head.slice(at + 1)
  const script = args.findIndex(({ text }) => text === 'script')
  const from = script === -1 ? args : args.slice(script)
  const command = from.find(({ kind }) => kind === 'string')
  const span = { start, end }
  if (command === undefined) {
    problems.push({
      message: `the command of ${call.text} is computed: it is not read`,
      span,
      isUnclear: true,
    })
    return []
  }
  return [
    stepOf({
      span,
      phase: call.text,
      commands: [textOf(command)],
      script: spanOf(command),
      shell: call.text,
    }),
  ]
}

/** A name that is called: what follows is an argument, and no `.`, `=` or `:` makes it something else. */
function isCall(head: readonly Token[], i: number): boolean {
  const [before, after] = [head[i - 1], head[i + 1]]
  if (before?.text === '.' || after === undefined) return false
  return after.kind === 'string' || after.kind === 'name' || after.text === '(' || after.text === '$'
}

/** `agent { docker { image 'x' } }`, `agent { docker 'x' }`. */
function imagesOf(blocks: readonly Block[]): Reference[] {
  const agent = named(blocks, 'agent')?.body ?? []
  return agent.flatMap((block) => {
    if (block.head[0]?.text !== 'docker') return []
    const image = block.body?.find(({ head }) => head[0]?.text === 'image')?.head ?? block.head
    const text = image.find(({ kind }) => kind === 'string')
    return text === undefined ? [] : [imageReference(textOf(text))]
  })
}

/** Agents are machines of one's own. */
function runnerOf(blocks: readonly Block[]): Runner | undefined {
  const agent = blocks.find(({ head }) => head[0]?.text === 'agent')
  if (agent === undefined || agent.head[1]?.text === 'none') return undefined
  const all = [...agent.head, ...(agent.body ?? []).flatMap(({ head }) => head)]
  const labels = all.filter(({ kind }) => kind === 'string').map(({ text }) => text)
  return { labels, span: spanOf(agent), selfHosted: true }
}

/** `@Library('name@ref') _`, `library 'name@ref'`. */
function librariesOf(tokens: readonly Token[]): Reference[] {
  return tokens.flatMap((token, i) => {
    const isLibrary =
      token.kind === 'name' &&
      (token.text === 'library' || (token.text === 'Library' && tokens[i - 1]?.text === '@'))
    if (!isLibrary) return []
    const texts: Token[] = []
    for (const one of tokens.slice(i + 1, i + 40)) {
      if (one.kind === 'string') texts.push(one)
      else if (!/^[([,]|identifier|:$/.test(one.text)) break
    }
    return texts.map((one) => {
      const [name = '', version] = one.text.split('@')
      return reference('library', textOf(one), name, version)
    })
  })
}
