import type { Random } from '../random.ts'
import { kindsOf } from '../kind.ts'
import { crc36, fill } from '../template.ts'

/** Source hosting and CI, as their documentation gives the forms (GitHub's and GitLab's with their checksums). */
export const forges = kindsOf([
  ['github-classic', 'GITHUB_TOKEN GH_TOKEN GITHUB_PAT', 'ghp_{alnum:30}{crc62}'],
  ['github-oauth', 'GITHUB_OAUTH_TOKEN OAUTH_TOKEN', 'gho_{alnum:30}{crc62}'],
  ['github-user-to-server', 'GITHUB_USER_TOKEN APP_USER_TOKEN', 'ghu_{alnum:30}{crc62}'],
  ['github-installation', 'GITHUB_APP_TOKEN INSTALLATION_TOKEN', 'ghs_{alnum:30}{crc62}'],
  ['github-refresh', 'GITHUB_REFRESH_TOKEN', 'ghr_{alnum:30}{crc62}'],
  ['github-fine-grained', 'GITHUB_TOKEN GH_PAT RELEASE_TOKEN', 'github_pat_11{updig:20}_{alnum:59}'],
  ['gitlab-personal', 'GITLAB_TOKEN GITLAB_PAT PRIVATE_TOKEN', 'glpat-{b64u:20}'],
  ['gitlab-routable', 'GITLAB_TOKEN CI_PUSH_TOKEN', (random) => routable('glpat-', random)],
  ['gitlab-deploy', 'GITLAB_DEPLOY_TOKEN CI_DEPLOY_PASSWORD', 'gldt-{b64u:20}'],
  ['gitlab-runner', 'RUNNER_TOKEN CI_SERVER_TOKEN', 'glrt-{b64u:20}'],
  ['gitlab-runner-registration', 'REGISTRATION_TOKEN', 'GR1348941{b64u:20}'],
  ['gitlab-trigger', 'TRIGGER_TOKEN PIPELINE_TRIGGER', 'glptt-{hex:40}'],
  ['gitlab-feed', 'GITLAB_FEED_TOKEN', 'glft-{b64u:20}'],
  ['gitlab-incoming-mail', 'GITLAB_INCOMING_MAIL_TOKEN', 'glimt-{lowdig:25}'],
  ['gitlab-agent', 'GITLAB_AGENT_TOKEN KAS_TOKEN', 'glagent-{b64u:50}'],
  ['gitlab-job', 'CI_JOB_TOKEN', 'glcbt-{hex:2}_{b64u:20}'],
  ['gitlab-scim', 'SCIM_TOKEN', 'glsoat-{b64u:20}'],
  ['gitlab-oauth-app', 'GITLAB_APP_SECRET OAUTH_APP_SECRET', 'gloas-{hex:64}'],
  ['gitlab-feature-flags', 'UNLEASH_TOKEN', 'glffct-{b64u:20}'],
  ['bitbucket-app-password', 'BITBUCKET_APP_PASSWORD BITBUCKET_PASSWORD', 'ATBB{alnum:24}{HEX:8}'],
  ['bitbucket-access-token', 'BITBUCKET_ACCESS_TOKEN REPOSITORY_TOKEN', 'ATCTT3xFfGN0{b64u:160}={HEX:8}'],
  ['bitbucket-oauth', 'BITBUCKET_CLIENT_SECRET BITBUCKET_OAUTH_SECRET', '{alnum:32}'],
  ['gitea-token', 'GITEA_TOKEN GITEA_ACCESS_TOKEN', '{hex:40}'],
  ['azure-devops-pat', 'AZURE_DEVOPS_PAT SYSTEM_ACCESSTOKEN AZDO_TOKEN', '{lowbase32:52}'],
  [
    'azure-devops-pat-84',
    'AZURE_DEVOPS_EXT_PAT AZDO_PAT',
    '{alnum:52}JQQJ99B{upper:1}ACAAAAA{alnum:5}AAASAZDO{alnum:4}',
  ],
  ['circleci-personal', 'CIRCLE_TOKEN CIRCLECI_TOKEN', 'CCIPAT_{b58:22}_{hex:40}'],
  ['circleci-project', 'CIRCLE_API_TOKEN CIRCLECI_API_KEY', '{hex:40}'],
  ['travis-token', 'TRAVIS_TOKEN TRAVIS_API_TOKEN', '{alnum:22}'],
  ['buildkite-user', 'BUILDKITE_API_TOKEN BUILDKITE_TOKEN', 'bkua_{hex:40}'],
  ['buildkite-agent', 'BUILDKITE_AGENT_TOKEN', 'bkct_{alnum:40}'],
  ['drone-token', 'DRONE_TOKEN', '{alnum:32}'],
  ['jenkins-api', 'JENKINS_API_TOKEN JENKINS_TOKEN', '11{hex:32}'],
  ['codecov-token', 'CODECOV_TOKEN', '{uuid}'],
  ['sonar-user', 'SONAR_TOKEN SONARQUBE_TOKEN', 'squ_{hex:40}'],
  ['sonar-project', 'SONAR_TOKEN SONAR_PROJECT_TOKEN', 'sqp_{hex:40}'],
  ['sonar-global', 'SONAR_ANALYSIS_TOKEN', 'sqa_{hex:40}'],
  ['snyk-token', 'SNYK_TOKEN SNYK_API_KEY', '{uuid}'],
  ['sourcegraph-token', 'SRC_ACCESS_TOKEN SOURCEGRAPH_TOKEN', 'sgp_{hex:16}_{hex:40}'],
  ['octopus-api-key', 'OCTOPUS_API_KEY OCTOPUS_CLI_API_KEY', 'API-{updig:32}'],
  ['harness-pat', 'HARNESS_API_KEY HARNESS_PLATFORM_API_KEY', 'pat.{b64u:22}.{hex:24}.{alnum:20}'],
])

/** What GitLab's lib/authn/token_field/generator/routable_token.rb makes: payload, version, its length, CRC-32 over all of it. */
function routable(prefix: string, random: Random): string {
  const payload = `c:1\no:1\np:${random.text('123456789abcdefghijk', 5)}\nu:${random.text('123456789abcdefghijk', 4)}`
  const bytes = Buffer.concat([random.bytes(16), Buffer.from(payload), Buffer.from([payload.length])])
  const encoded = bytes.toString('base64url')
  const head = `${prefix}${encoded}.01.${encoded.length.toString(36).padStart(2, '0')}`
  return `${head}${crc36(head, 7)}`
}

/** Registries of packages and images. */
export const packages = kindsOf([
  ['npm-token', 'NPM_TOKEN NODE_AUTH_TOKEN', 'npm_{alnum:30}{crc62}'],
  ['pypi-upload', 'PYPI_TOKEN TWINE_PASSWORD UV_PUBLISH_TOKEN', (random) => macaroon('pypi.org', random)],
  ['pypi-test-upload', 'TEST_PYPI_TOKEN', (random) => macaroon('test.pypi.org', random)],
  ['rubygems-key', 'GEM_HOST_API_KEY RUBYGEMS_API_KEY', 'rubygems_{hex:48}'],
  ['crates-token', 'CARGO_REGISTRY_TOKEN CRATES_IO_TOKEN', 'cio{alnum:32}'],
  ['nuget-key', 'NUGET_API_KEY NUGET_KEY', 'oy2{lowdig:43}'],
  ['dockerhub-personal', 'DOCKER_PASSWORD DOCKERHUB_TOKEN DOCKER_PAT', 'dckr_pat_{b64u:27}'],
  ['dockerhub-organisation', 'DOCKERHUB_OAT DOCKER_TOKEN', 'dckr_oat_{b64u:32}'],
  ['packagist-token', 'PACKAGIST_TOKEN PACKAGIST_API_TOKEN', 'packagist_{org|usr}_{ruk|rut|wut}_{hex:68}'],
  ['clojars-token', 'CLOJARS_PASSWORD CLOJARS_TOKEN', 'CLOJARS_{hex:60}'],
  ['artifactory-api-key', 'ARTIFACTORY_API_KEY JFROG_API_KEY', 'AKCp{alnum:69}'],
  ['artifactory-reference-token', 'ARTIFACTORY_TOKEN JF_ACCESS_TOKEN', (random) => reference(random)],
  ['cloudsmith-key', 'CLOUDSMITH_API_KEY', '{hex:40}'],
  ['hex-pm-key', 'HEX_API_KEY HEXPM_API_KEY', '{hex:32}'],
  ['gemfury-push', 'GEMFURY_TOKEN FURY_PUSH_TOKEN', 'fury_{lower:3}_{alnum:40}'],
])

/** JFrog's reference tokens are the base64 of `reftkn:01:expiry:random`. */
function reference(random: Random): string {
  return Buffer.from(fill('reftkn:01:17{digit:8}:{alnum:28}', random)).toString('base64').replaceAll('=', '')
}

/** PyPI's tokens are macaroons, version 2: location, identifier, caveats and a signature. */
function macaroon(location: string, random: Random): string {
  const id = random.uuid()
  const user = `[[1, [${random.between(100, 900_000)}]], [0, 18${random.below(100_000_000)}]]`
  const field = (type: number, value: Buffer | string) =>
    Buffer.concat([Buffer.from([type, Buffer.byteLength(value)]), Buffer.from(value)])
  const parts = [Buffer.from([2]), field(1, location), field(2, id), Buffer.from([0]), field(2, user)]
  const whole = Buffer.concat([...parts, Buffer.from([0, 0]), field(6, random.bytes(32))])
  return `pypi-${whole.toString('base64url')}`
}
