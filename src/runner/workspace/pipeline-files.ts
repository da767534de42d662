/**
 * Where CIs find what they run, seen from the top of a checkout: who writes there decides what the next job does. The only
 * list of its kind; whoever learns of another place adds it here.
 */
export const pipelineFiles: readonly string[] = [
  ...['.github/workflows', '.github/actions', '.gitea/workflows', '.forgejo/workflows'],
  // A repository that is an action: a job may use it by `uses: ./`.
  ...['action.yml', 'action.yaml'],
  ...['.gitlab-ci.yml', '.gitlab-ci.yaml', '.gitlab-ci', '.gitlab/ci'],
  ...['.circleci', '.buildkite', '.mayfly', '.tekton', '.teamcity', '.semaphore', '.woodpecker', '.harness'],
  ...['Jenkinsfile', 'bitbucket-pipelines.yml', 'bitbucket-pipelines.yaml', 'codefresh.yml', '.spacelift'],
  ...['.drone.yml', '.drone.jsonnet', '.drone.star', '.travis.yml', '.woodpecker.yml', '.woodpecker.yaml'],
  ...['cloudbuild.yaml', 'cloudbuild.yml', 'cloudbuild.json', 'buildspec.yml', 'buildspec.yaml'],
  ...['appveyor.yml', '.appveyor.yml', '.cirrus.yml', '.cirrus.star', 'wercker.yml', '.azuredevops'],
]

/** Of these there are several: `azure-pipelines-release.yml`. */
export const pipelineNames = /^(?:\.?azure-pipelines|Jenkinsfile[.-]|cloudbuild[.-])/
