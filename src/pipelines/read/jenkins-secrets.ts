import type { ReadProblem, Span } from '../model.ts'
import type { FoundSecret } from './file-parts.ts'
import type { Token } from './groovy-tokens.ts'

/** Arguments that name an entry of the credential store, and those that name the variables it is put into. */
const idNames = new Set(['credentialsId', 'credentialId', 'sshCredentialsId', 'registryCredentialsId'])
const targetNames = new Set([
  'variable',
  'passwordVariable',
  'keyFileVariable',
  'secretKeyVariable',
  'tokenVariable',
])
/** Steps whose plain arguments are such names. */
const idCalls = new Set(['credentials', 'sshagent', 'withRegistry'])
const maxArguments = 200

/** Every use of Jenkins' credentials in a Groovy text. */
export function jenkinsSecrets(tokens: readonly Token[]): { found: FoundSecret[]; problems: ReadProblem[] } {
  const found: FoundSecret[] = []
  const problems: ReadProblem[] = []
  tokens.forEach((token, i) => {
    if (token.kind !== 'name') return
    if (idNames.has(token.text) && tokens[i + 1]?.text === ':') named(tokens, i, found, problems)
    else if (idCalls.has(token.text) && tokens[i + 1]?.text === '(') called(tokens, i, found, problems)
    else if (token.text === 'credentials' && tokens[i + 1]?.text === ':') listed(tokens, i + 2, found)
  })
  return { found, problems }
}

/** `credentialsId: 'id'`, with the variable that the same brackets name. */
function named(tokens: readonly Token[], i: number, found: FoundSecret[], problems: ReadProblem[]): void {
  const value = tokens[i + 2]
  if (value?.kind !== 'string' || value.isInterpolated) {
    problems.push({
      message: 'which credential it uses is computed: it is not read',
      isUnclear: true,
      span: spanOf(tokens[i]),
    })
    return
  }
  found.push(secretOf(value, targetNear(tokens, i)))
}

/** Forward and back to the bracket that the argument stands in. */
function targetNear(tokens: readonly Token[], i: number): string | undefined {
  const isEdge = (token: Token | undefined) =>
    token === undefined || (token.kind === 'mark' && /^[()[\]{}]$/.test(token.text))
  const look = (step: 1 | -1): string | undefined => {
    for (let at = i; Math.abs(at - i) < maxArguments; at += step) {
      const token = tokens[at]
      if (isEdge(token)) return undefined
      const value = tokens[at + 2]
      if (targetNames.has(token?.text ?? '') && value?.kind === 'string') return value.text
    }
    return undefined
  }
  return look(1) ?? look(-1)
}

/** `NAME = credentials('id')`, `sshagent(['id'])`, `docker.withRegistry('url', 'id')`. */
function called(tokens: readonly Token[], i: number, found: FoundSecret[], problems: ReadProblem[]): void {
  const name = tokens[i]?.text
  const args: Token[] = []
  for (let at = i + 2; at < i + 2 + maxArguments; at++) {
    const token = tokens[at]
    if (token === undefined || token.text === ')') break
    // By name it is found by its name.
    if (token.text === ':') return
    if (token.kind === 'string' || token.kind === 'name') args.push(token)
  }
  const ids = name === 'withRegistry' ? args.slice(1) : args
  const target = tokens[i - 1]?.text === '=' ? tokens[i - 2]?.text : undefined
  for (const id of ids) {
    if (id.kind === 'string' && !id.isInterpolated) found.push(secretOf(id, target))
    else
      problems.push({
        message: 'which credential it uses is computed: it is not read',
        isUnclear: true,
        span: spanOf(id),
      })
  }
}

/** `credentials: ['id', 'id']`, `credentials: 'id'`. */
function listed(tokens: readonly Token[], from: number, found: FoundSecret[]): void {
  for (const token of tokens.slice(from, from + maxArguments)) {
    if (token.kind === 'string') found.push(secretOf(token, undefined))
    if (token.kind === 'string' ? tokens[from]?.text !== '[' : !/^[[,]$/.test(token.text)) return
  }
}

function secretOf(token: Token, target: string | undefined): FoundSecret {
  return {
    name: token.text,
    store: 'credential',
    span: { start: token.start, end: token.end },
    certain: true,
    inCommand: false,
    ...(target === undefined ? {} : { target }),
  }
}

function spanOf(token: Token | undefined): Span {
  return { start: token?.start ?? 0, end: token?.end ?? 0 }
}
