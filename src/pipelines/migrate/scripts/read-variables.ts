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

/** Variables of the job that a script reads, and does not set before itself. */
export function readVariables(script: string): string[] {
  const own = new Set(
    [...script.matchAll(assigned)].flatMap(([, one, other, third]) => one ?? other ?? third ?? []),
  )
  const names = [...script.matchAll(read)].flatMap(([, braced, plain]) => braced ?? plain ?? [])
  return [...new Set(names)].filter((one) => !own.has(one))
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
