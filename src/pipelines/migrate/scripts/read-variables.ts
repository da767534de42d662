import { isHandedOn, isNeverHandedOn } from '../../../lib/index.ts'
import { looksSecret } from '../../read/secret-names.ts'

const name = '[A-Za-z_][A-Za-z0-9_]{0,199}'
const read = new RegExp(`\\$(?:\\{[#!]?(${name})|(${name}))`, 'g')
const assigned = new RegExp(
  `(?:^|[\\s;&|({])(?:export\\s+|local\\s+|declare\\s+|readonly\\s+)?(${name})\\+?=|\\bfor\\s+(${name})\\s+in\\b|\\bread\\s+(?:-\\w+\\s+)*(${name})`,
  'g',
)
/** What a step has of its own, or the runner alone reads. */
const ofTheMachine =
  /^(?:HOME|PATH|PWD|OLDPWD|USER|LOGNAME|SHELL|TMPDIR|IFS|RANDOM|SECONDS|LINENO|HOSTNAME|UID|EUID|BASH\w*|OPTARG|OPTIND|GIT_(?:STRATEGY|DEPTH|CLONE_PATH|CHECKOUT|CLEAN_FLAGS|FETCH_EXTRA_FLAGS|LFS_SKIP_SMUDGE|SUBMODULE_\w+)|FF_\w+|CI_DEBUG_\w+|KUBERNETES_\w+|DOCKER_(?:HOST|DRIVER|TLS\w*|CERT_PATH|BUILDKIT)|ARTIFACT_\w+|CACHE_\w+|TRANSFER_\w+|MAYFLY_\w+)$/
/** Said by the CI itself of the place: a step has its own. */
const places =
  /^(?:CI_PROJECT_DIR|BUILDKITE_BUILD_CHECKOUT_PATH|CIRCLE_WORKING_DIRECTORY|BITBUCKET_CLONE_DIR|BUILD_SOURCESDIRECTORY|SYSTEM_DEFAULTWORKINGDIRECTORY|WORKSPACE|RUNNER_TEMP|AGENT_TEMPDIRECTORY)$/

/** Variables of the job that a script reads, and has not set itself by then: `X=${X:-a}` reads the job's. */
export function readVariables(script: string): string[] {
  const ownFrom = new Map<string, number>()
  for (const { 0: all, 1: one, 2: other, 3: third, index } of script.matchAll(assigned)) {
    const key = one ?? other ?? third ?? ''
    const end = index + all.length
    // What is appended to is read.
    if (ownFrom.has(key) || all.endsWith('+=')) continue
    ownFrom.set(key, one === undefined ? end : endOfWord(script, end))
  }
  const names = [...script.matchAll(read)].flatMap(({ 1: braced, 2: plain, index }) => {
    const key = braced ?? plain ?? ''
    return index < (ownFrom.get(key) ?? Infinity) ? [key] : []
  })
  return [...new Set(names)]
}

/** Where a word of a shell ends that begins here: quotes and brackets keep it together (POSIX.1-2017, Shell Command Language, 2.3). */
function endOfWord(script: string, start: number): number {
  let quote = ''
  let depth = 0
  for (let at = start; at < script.length; at++) {
    const sign = script[at] ?? ''
    if (sign === '\\' && quote !== "'") at++
    else if (quote !== '') quote = sign === quote ? '' : quote
    else if (/["'`]/.test(sign)) quote = sign
    else if (/[({]/.test(sign)) depth++
    else if (depth > 0) depth -= Number(/[)}]/.test(sign))
    else if (/[\s;&|)]/.test(sign)) return at
  }
  return script.length
}

/** Must it be named, so that a step has it? Never what may be a secret, or opens more than one step. */
export function isToBeNamed(one: string): boolean {
  return (
    new RegExp(`^${name}$`).test(one) &&
    !ofTheMachine.test(one) &&
    !places.test(one) &&
    !isHandedOn(one) &&
    !isNeverHandedOn(one) &&
    !looksSecret(one)
  )
}
