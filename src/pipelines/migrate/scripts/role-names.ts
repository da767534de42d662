import type { PipelineFile } from '../../model.ts'
import { roleName, stemOf } from '../role.ts'

/** Files of which a CI has one: their names tell nothing. */
const usual =
  /^(?:\.gitlab-ci|pipeline|config|buildkite|\.?azure-pipelines?|bitbucket-pipelines|Jenkinsfile)$/

/** By the job, and by the file where there may be several. */
export function nameOfRole(file: PipelineFile, job: string): string {
  const stem = stemOf(file)
  return roleName(usual.test(stem) ? undefined : stem, job)
}
