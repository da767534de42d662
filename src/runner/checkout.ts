import { readdirSync } from 'node:fs'
import { MayflyError } from '../lib/index.ts'
import type { StepGrant } from './api-facts.ts'
import type { OpenStep, Preparing } from './opened-step.ts'
import type { HeldBy } from './sandbox/index.ts'
import type { JobFacts } from './session-facts.ts'
import { startIsolated } from './start-isolated.ts'
import type { Checkout, StepDeps, StepRequest } from './step-request.ts'
import { supervise, type Outcome } from './supervise.ts'

/**
 * Git alone, in a sandbox of its own before the step's: with no configuration, hook or template of anybody. A server that gives
 * no commit by its id (`uploadpack.allowReachableSHA1InWant`) is asked for all branches and tags.
 * Arguments: URL, commit, depth, `sha1` or `sha256`, `submodules` or nothing.
 */
const script = `set -eu
url=$1 commit=$2 depth=$3
git -c init.defaultBranch=main init -q --template= --object-format="$4" .
git config remote.origin.url "$url"
git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
everything() { git fetch -q origin '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'; }
if [ "$depth" = 0 ]; then everything; git cat-file -e "$commit" 2>/dev/null || git fetch -q origin "$commit"
else git fetch -q --no-tags --depth "$depth" origin "$commit" 2>.git/refused || { cat .git/refused >&2; everything; }
fi
rm -f .git/refused
git -c advice.detachedHead=false checkout -q --detach "$commit"
[ "$(git rev-parse HEAD)" = "$commit" ]
[ "$5" != submodules ] || git submodule --quiet update --init --recursive
`

/**
 * Checks the run's own commit out into an empty workspace, under the `git:read` of the step's role. Returns how it ended if the step was
 * asked to end meanwhile. Throws if there is no such checkout, in words of what to do.
 */
export async function checkOut(
  deps: StepDeps,
  request: StepRequest,
  checkout: Checkout,
  open: OpenStep,
  preparing: Preparing,
): Promise<{ outcome: Outcome; heldBy: HeldBy } | undefined> {
  const { session } = deps
  const refuse = (why: string) => new MayflyError('denied', `step "${request.name}", checkout: ${why}`)
  const way = 'engine' in open.isolation ? deps.probe : open.isolation
  if (way.tier === 'none')
    throw refuse(`it needs bubblewrap, also for a step that ${request.isolation} runs: ${way.why}`)
  if (way.tier === 'E')
    throw refuse(
      'it needs the sandbox, since only from there a way leads to the Git host: leave `isolation: none` out',
    )
  if (readdirSync(request.workspace).length > 0)
    throw refuse(
      `${request.workspace} is not empty, and a checkout fills an empty workspace: write \`workspace: fresh\` for the step, or leave its checkout out`,
    )
  const source = checkoutSource(open.step, session.job, checkout, request.role)
  if (typeof source === 'string') throw refuse(source)
  const { url, commit } = source
  const running = startIsolated(
    deps,
    way,
    {
      ...request,
      ...{ env: gitEnvironment, passEnv: [], toolVariables: {} },
      command: [
        ...['/bin/sh', '-c', script, 'mayfly-checkout', url, commit, String(checkout.depth ?? 1)],
        ...[commit.length === 64 ? 'sha256' : 'sha1', checkout.submodules === true ? 'submodules' : ''],
      ],
    },
    open,
    { isOurs: true },
  )
  preparing.began(running)
  const outcome = await supervise({ ...withoutInput(deps), log: open.log }, open.step, running, () =>
    preparing.kill(),
  )
  if (outcome.reason === 'cancelled' || preparing.isOver()) return { outcome, heldBy: running.heldBy }
  if (outcome.exitCode === 0) return undefined
  const missing =
    outcome.exitCode === 127
      ? 'git is not installed, or a program that it needs'
      : `git ended with ${outcome.exitCode}${saidAnything(outcome) ? ', see above' : ' and said nothing'}`
  throw refuse(`${commit.slice(0, 12)} of ${url} is not there: ${missing}`)
}

function saidAnything({ output }: Outcome): boolean {
  return output.stdout_bytes + output.stderr_bytes > 0
}

const gitEnvironment = { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', LC_ALL: 'C' }

function withoutInput({ stdin: _, ...deps }: StepDeps): StepDeps {
  return deps
}

/** Where the run's own commit is to be had, or why it is not. */
export function checkoutSource(
  { checkout: sources = [] }: Pick<StepGrant, 'checkout'>,
  { repository, commit }: JobFacts,
  { connection }: Checkout,
  role: string,
): { url: string; commit: string } | string {
  if (repository === undefined)
    return 'the identity token of this job names no repository: clone it in the script of the step'
  if (commit === undefined || !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(commit))
    return 'the identity token of this job names no commit: clone the repository in the script of the step'
  if (sources.length === 0)
    return `role "${role}" may not read ${repository}: add "git:read CONNECTION/${repository}" to its grants`
  const names = sources.map((source) => source.connection).join(', ')
  const found = sources.filter((source) => connection === undefined || source.connection === connection)
  const [only] = found
  if (only === undefined)
    return `role "${role}" may read ${repository} by ${names}, and not by "${connection}"`
  if (found.length > 1)
    return `role "${role}" may read ${repository} by ${names}: say which one, checkout: { connection: ${only.connection} }`
  return { url: only.url, commit }
}
