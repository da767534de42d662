import { existsSync } from 'node:fs'
import type { StepRequest } from '../step-request.ts'

/** The shell that runs a pipeline step's script: as GitHub and GitLab do, stopping at the first failure. */
export function shellCommand(script: string, isolation: StepRequest['isolation'] = 'namespace'): string[] {
  // What an image has, nobody here knows, but for a shell.
  if (isolation === 'podman' || isolation === 'docker') return ['/bin/sh', '-e', '-c', script]
  const bash = '/bin/bash'
  return existsSync(bash) ? [bash, '-e', '-o', 'pipefail', '-c', script] : ['/bin/sh', '-e', '-c', script]
}
