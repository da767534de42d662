import { checkDotenv, ciFilesOf, handBack } from './conventions/index.ts'
import type { OpenStep } from './opened-step.ts'
import type { Running } from './sandbox/index.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import { readInside, replaceInside, type StepWorkspace } from './workspace/index.ts'

/** What it wrote for the steps after it goes to the CI as far as it may; the rest is told. */
export function takeBack(deps: StepDeps, request: StepRequest, { place }: OpenStep, running: Running): void {
  const mask = deps.redactor.text
  const role = deps.session.roles.find(({ name }) => name === request.role)
  const startupAllowed = role?.allow.includes('startup-variables') === true
  const { refused } = handBack({
    files: ciFilesOf(deps.job),
    written: running.written(),
    startupAllowed,
    workspaceInside: request.workspaceInside ?? request.workspace,
    mask,
  })
  const dotenv =
    request.dotenv === undefined
      ? []
      : checkDotenv({ workspace: request.workspace, path: request.dotenv, startupAllowed, mask })
  if (request.dotenv !== undefined && place.kind === 'fresh') handDotenv(place, request.dotenv)
  for (const why of [...refused, ...dotenv]) deps.notices.tell(`mayfly: ${why}`)
}

/** The CI takes it from the job's workspace. */
function handDotenv({ path: workspace, inside }: StepWorkspace, path: string): void {
  const text = readInside(workspace, path, maxDotenvBytes)
  if (text !== undefined) replaceInside(inside, path, text)
}

const maxDotenvBytes = 1_048_576
