import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { MayflyError, Secret, limits, messageOf } from '../lib/index.ts'
import type { Environment, IdentitySource } from '../config/environment.ts'
import { findProgram, runProgram } from './helper-program.ts'
import { sendRequest } from './http.ts'

export interface IdentityTokenRequest {
  readonly environment: Environment
  /** What the token shall be for. A CI that hands out a finished token was told its audience in the pipeline. */
  readonly audience: string
  /** Folders that steps write to: no program is run from there. */
  readonly untrusted: readonly string[]
}

/** The CI's identity token for this job. Throws `bad_token` saying what to configure. */
export async function fetchIdentityToken(request: IdentityTokenRequest): Promise<Secret> {
  const { identitySource: source } = request.environment
  if (source.kind === 'none')
    throw new MayflyError('bad_token', `this job has no identity token: ${source.hint}`)
  const token = (await readToken(source, request)).trim()
  // What is no token is not sent, and not shown.
  if (token.length > limits.identityTokenBytes || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token))
    throw new MayflyError('bad_token', `${nameOf(source)} gave no identity token (a JWT)`)
  return new Secret(token, '(identity token)')
}

/** Can this job have another token whenever it asks? Of those that are handed to it, and of cached ones, there is one. */
export function canGiveAnotherToken(request: IdentityTokenRequest): boolean {
  const { identitySource: source } = request.environment
  if (source.kind === 'circleci') return programOf('circleci', request) !== undefined
  return ['github', 'azure-devops', 'buildkite'].includes(source.kind)
}

async function readToken(
  source: Exclude<IdentitySource, { kind: 'none' }>,
  request: IdentityTokenRequest,
): Promise<string> {
  switch (source.kind) {
    case 'variable':
      return source.token
    case 'file':
      return await readTokenFile(source.path)
    case 'github':
      return await askGithub(source, request.audience)
    case 'azure-devops':
      return await askAzureDevops(source)
    case 'google':
      return await askGoogle(source.host, request.audience)
    case 'buildkite':
      return await askBuildkite(request)
    case 'circleci':
      return await askCircleci(source.token, request)
  }
}

function nameOf(source: Exclude<IdentitySource, { kind: 'none' }>): string {
  switch (source.kind) {
    case 'variable':
      return source.name
    case 'file':
      return source.path
    case 'github':
      return 'GitHub'
    case 'azure-devops':
      return 'Azure DevOps'
    case 'google':
      return 'the metadata server'
    case 'buildkite':
      return 'buildkite-agent'
    case 'circleci':
      return 'circleci'
  }
}

/** A projected service account token, or what spiffe-helper wrote: read anew each time, since both are renewed. */
async function readTokenFile(path: string): Promise<string> {
  try {
    // In a place that a step can write to it might have become a pipe, which would never be opened.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!(await file.stat()).isFile()) throw new Error('it is no file')
    const { buffer, bytesRead } = await file.read(Buffer.alloc(limits.identityTokenBytes + 2), 0)
    return buffer.toString('latin1', 0, bytesRead)
  } catch (cause) {
    throw new MayflyError(
      'bad_token',
      `the identity token in ${path} (MAYFLY_ID_TOKEN_FILE) cannot be read: ${messageOf(cause)}`,
      { cause },
    )
  }
}

/** GitHub documentation, "OpenID Connect reference", "Methods for requesting the OIDC token". */
async function askGithub(source: { url: string; bearer: string }, audience: string): Promise<string> {
  const text = await ask('GitHub', source.url, { audience }, 'GET', {
    authorization: `Bearer ${source.bearer}`,
  })
  return member('GitHub', text, 'value')
}

/** Microsoft Learn, "Oidctoken - Create" (REST API 7.1). The audience cannot be chosen. */
async function askAzureDevops(source: { url: string; bearer: string }): Promise<string> {
  const headers = { authorization: `Bearer ${source.bearer}`, 'content-type': 'application/json' }
  const text = await ask('Azure DevOps', source.url, { 'api-version': '7.1-preview.1' }, 'POST', headers)
  return member('Azure DevOps', text, 'oidcToken')
}

/** Google Cloud documentation, "Verify the identity of a VM" and "Get an ID token". */
async function askGoogle(host: string, audience: string): Promise<string> {
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/identity`
  return await ask('the metadata server', url, { audience, format: 'full' }, 'GET', {
    'metadata-flavor': 'Google',
  })
}

async function ask(
  who: string,
  address: string,
  query: Readonly<Record<string, string>>,
  method: 'GET' | 'POST',
  headers: Record<string, string>,
): Promise<string> {
  try {
    const url = new URL(address)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const { status, text } = await sendRequest(url.href, { method, headers })
    if (status !== 200) throw new Error(`it answered ${status}`)
    return text
  } catch (cause) {
    throw new MayflyError('bad_token', `${who} gave no identity token: ${messageOf(cause)}`, { cause })
  }
}

function member(who: string, text: string, name: string): string {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    // What the parser says would repeat a part of the token.
  }
  const value =
    typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>)[name] : undefined
  if (typeof value === 'string') return value
  throw new MayflyError('bad_token', `${who} gave no identity token: its answer has no ${name}`)
}

/** Buildkite documentation, "buildkite-agent oidc". Both ids are there only when asked for; our profile insists. */
async function askBuildkite(request: IdentityTokenRequest): Promise<string> {
  const program = programOf('buildkite-agent', request)
  if (program === undefined)
    throw new MayflyError(
      'bad_token',
      'there is no buildkite-agent on the PATH outside the workspace: run mayfly where the agent is, or set MAYFLY_ID_TOKEN',
    )
  const claims = ['--claim', 'organization_id', '--claim', 'pipeline_id']
  const args = ['oidc', 'request-token', '--audience', request.audience, ...claims]
  return await runProgram(program, args, request.environment.variables)
}

/** CircleCI documentation, "OIDC tokens with custom claims". */
async function askCircleci(fallback: string | undefined, request: IdentityTokenRequest): Promise<string> {
  const program = programOf('circleci', request)
  if (program === undefined) {
    if (fallback !== undefined) return fallback
    throw new MayflyError(
      'bad_token',
      'there is neither circleci on the PATH outside the workspace nor CIRCLE_OIDC_TOKEN_V2: give the job a context',
    )
  }
  const claims = JSON.stringify({ aud: request.audience })
  return await runProgram(program, ['run', 'oidc', 'get', '--claims', claims], request.environment.variables)
}

function programOf(name: string, { environment, untrusted }: IdentityTokenRequest): string | undefined {
  return findProgram(name, environment.variables['PATH'], untrusted)
}
