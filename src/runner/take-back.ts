import { messageOf } from '../lib/index.ts'
import { checkDotenv, ciFilesOf, handBack } from './conventions/index.ts'
import type { OpenStep } from './opened-step.ts'
import type { Running } from './sandbox/index.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import { readInside, replaceInside, type StepWorkspace } from './workspace/index.ts'

/** What it wrote for the steps after it goes to the CI as far as it may; the rest is told. False if a file could not be read. */
export function takeBack(
  deps: StepDeps,
  request: StepRequest,
  { place }: OpenStep,
  running: Running,
): boolean {
  const mask = deps.redactor.text
  const role = deps.session.roles.find(({ name }) => name === request.role)
  const startupAllowed = role?.allow.includes('startup-variables') === true
  const { refused, isWhole } = handBack({
    files: ciFilesOf(deps.job),
    written: running.written(),
    startupAllowed,
    workspaceInside: request.workspaceInside ?? request.workspace,
    mask,
  })
  const dotenv =
    request.dotenv === undefined ? [] : takeDotenv(request, place, request.dotenv, startupAllowed, mask)
  for (const why of [...refused, ...dotenv]) deps.notices.tell(`mayfly: ${why}`)
  return isWhole
}

/** In whatever state it left the file: the record of its end does not depend on it. */
function takeDotenv(
  request: StepRequest,
  place: StepWorkspace,
  path: string,
  startupAllowed: boolean,
  mask: (text: string) => string,
): string[] {
  try {
    const refused = checkDotenv({ workspace: request.workspace, path, startupAllowed, mask })
    if (place.kind === 'fresh') handDotenv(place, path)
    return refused
  } catch (error) {
    return [`${path} could not be checked (${messageOf(error)}): let the CI not take it`]
  }
}

/** The CI takes it from the job's workspace. */
function handDotenv({ path: workspace, inside }: StepWorkspace, path: string): void {
  const text = readInside(workspace, path, maxDotenvBytes)
  if (text !== undefined) replaceInside(inside, path, text)
}

const maxDotenvBytes = 1_048_576
