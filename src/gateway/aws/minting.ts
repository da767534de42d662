import type { Called } from './called.ts'

/* Answers that are credentials. Smithy models of AWS (those of botocore 1.44), by what their answers have in them. */

/** By name: answers that would be a credential which outlives the step, or opens something else, and shells. No grant opens these. */
const byName: ReadonlySet<string> = namesIn(`
  acm:ExportCertificate
  appstream:CreateStreamingURL,CreateAppBlockBuilderStreamingURL,CreateImageBuilderStreamingURL
  athena:GetSessionEndpoint
  cloudwatch:GetSpaceCredentialsForOrganization,GetSpaceDataAccess
  codebuild:StartSandboxConnection
  codepipeline:GetJobDetails,GetThirdPartyJobDetails,PollForJobs
  cognito-identity:GetCredentialsForIdentity,GetOpenIdToken,GetOpenIdTokenForDeveloperIdentity
  cognito-idp:AddUserPoolClientSecret,AdminInitiateAuth,AdminRespondToAuthChallenge,GetTokensFromRefreshToken,InitiateAuth
  cognito-idp:RespondToAuthChallenge
  ec2:CreateKeyPair,GetPasswordData
  ecr-public:GetAuthorizationToken
  ecs:ExecuteCommand
  elasticmapreduce:GetClusterSessionCredentials,GetOnClusterAppUIPresignedURL,GetPersistentAppUIPresignedURL,GetSessionEndpoint
  gamelift:CreateBuild,GetComputeAccess,GetComputeAuthToken,GetInstanceAccess,RequestUploadCredentials
  glue:GetSessionEndpoint
  iam:CreateAccessKey,CreateServiceSpecificCredential,ResetServiceSpecificCredential
  IoTSecuredTunneling:OpenTunnel,RotateTunnelAccessToken
  license-manager:CreateToken,GetAccessToken
  lightsail:CreateBucketAccessKey,CreateContainerServiceRegistryLogin,CreateKeyPair,DownloadDefaultKeyPair
  lightsail:GetInstanceAccessDetails,GetRelationalDatabaseMasterUserPassword
  redshift:GetClusterCredentials,GetClusterCredentialsWithIAM,GetIdentityCenterAuthToken
  redshift-serverless:GetCredentials,GetIdentityCenterAuthToken
  route53domains:RetrieveDomainAuthCode,TransferDomainToAnotherAwsAccount
  s3:CreateSession
  sagemaker:StartSession
  ssm:CreateActivation,GetAccessToken,ResumeSession,StartSession
  sts:AssumeRoot,GetDelegatedAccessToken,GetWebIdentityToken
  workmail:AssumeImpersonationRole,CreatePersonalAccessToken
`)

function namesIn(lines: string): ReadonlySet<string> {
  return new Set(
    lines
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [service = '', actions = ''] = line.trim().split(':')
        return actions.split(',').map((action) => `${service}:${action}`)
      }),
  )
}

/** The same of services that go by paths, whatever host of theirs it is. `*` is any method. */
const byPath = pathsIn(`
  account-access * /access/credentials
  airflow * /clitoken/{}
  airflow * /webtoken/{}
  amplifyuibuilder * /tokens/{}
  amplifyuibuilder * /tokens/{}/refresh
  apigateway GET|PATCH|POST|PUT /apikeys
  apigateway GET|PATCH|POST|PUT /apikeys/{}
  appsync GET|POST /v1/apis/{}/apikeys
  appsync GET|POST /v1/apis/{}/apikeys/{}
  awsssoportal * /federation/credentials
  bedrock-agentcore * /identities/api-key
  bedrock-agentcore * /identities/GetWorkloadAccessToken
  bedrock-agentcore * /identities/GetWorkloadAccessTokenForJWT
  bedrock-agentcore * /identities/GetWorkloadAccessTokenForUserId
  bedrock-agentcore * /identities/oauth2/token
  bedrock-agentcore * /identities/payment/token
  codeartifact * /v1/authorization-token
  codecatalyst PUT /v1/accessTokens
  codecatalyst * /v1/spaces/{}/projects/{}/devEnvironments/{}/session
  connect * /user/federate/{}
  datazone GET /v2/domains/{}/connections/{}
  datazone * /v2/domains/{}/environments/{}/credentials
  deadline * /2023-10-12/farms/{}/fleets/{}/read-roles
  deadline * /2023-10-12/farms/{}/fleets/{}/workers/{}/fleet-roles
  deadline * /2023-10-12/farms/{}/fleets/{}/workers/{}/queue-roles
  deadline * /2023-10-12/farms/{}/queues/{}/read-roles
  deadline * /2023-10-12/farms/{}/queues/{}/user-roles
  eks-auth * /clusters/{}/assume-role-for-pod-identity
  emr-containers * /virtualclusters/{}/endpoints/{}/credentials
  emr-serverless * /applications/{}/sessions/{}/endpoint
  finspace-api * /credentials/programmatic
  finspace-api * /datasets/{}/dataviewsv2/{}/external-access-details
  finspace-api * /user/{}/password
  geo GET|POST /metadata/v0/keys
  geo GET /metadata/v0/keys/{}
  grafana POST /workspaces/{}/apikeys
  grafana POST /workspaces/{}/serviceaccounts/{}/tokens
  iot * /keys-and-certificate
  iot * /provisioning-templates/{}/provisioning-claim
  iotmanagedintegrations POST /provisioning-profiles
  ivs * /CreateParticipantToken
  ivs * /CreateStage
  ivs * /CreateStreamKey
  ivs * /GetStreamKey
  ivschat * /CreateChatToken
  kinesisvideo * /v1/get-ice-server-config
  lakeformation * /AssumeDecoratedRoleWithSAML
  lakeformation * /GetTemporaryDataLocationCredentials
  lakeformation * /GetTemporaryGluePartitionCredentials
  lakeformation * /GetTemporaryGlueTableCredentials
  managedblockchain POST /accessors
  mediapackage * /channels/{}/credentials
  mediapackage * /channels/{}/ingest_endpoints/{}/credentials
  pca-connector-scep POST /challenges
  pca-connector-scep * /challengePasswords/{}
  quicksight * /accounts/{}/dashboards/{}/embed-url
  quicksight * /accounts/{}/embed-url/{}
  quicksight * /accounts/{}/session-embed-url
  rolesanywhere * /sessions
  s3 * /v20180820/accessgrantsinstance/dataaccess
  signin * /v1/token
  sso-oauth * /client/register
  sso-oauth * /token
`)

/** Answers with an address that is signed, or a kept secret: `aws:call`, though nothing is changed. */
const opening = pathsIn(`
  amplify * /apps
  amplify * /apps/{}
  amplify * /apps/{}/branches
  amplify * /apps/{}/branches/{}
  artifact * /v1/report/get
  artifact * /v1/report/getTermForReport
  connect * /prompts/{}/{}/file
  dataexchange * /v1/jobs
  dataexchange * /v1/jobs/{}
  lambda * /{}/layers
  lex * /exports/{}
  mediapackage * /channels
  mediapackage * /channels/{}
  quicksight * /accounts/{}/asset-bundle-export-jobs/{}
  wickr * /networks/{}/oidc
  wickr * /networks/{}/tdf
`)
const openingWord =
  /key|token|secret|password|credential|session|presign|signed|download|upload|embed|federat|artifact|roles?$/i

interface Place {
  readonly service: string
  readonly methods: readonly string[]
  readonly path: RegExp
}

function pathsIn(lines: string): readonly Place[] {
  return lines
    .trim()
    .split('\n')
    .map((line) => {
      const [service = '', methods = '', path = ''] = line.trim().split(' ')
      // Whether a service minds the case of its paths it alone knows.
      return {
        service,
        methods: methods.split('|'),
        path: new RegExp(`^${path.replaceAll('{}', '[^/]+')}/?$`, 'i'),
      }
    })
}

function isAt(places: readonly Place[], service: string, method: string, path: string): boolean {
  return places.some(
    (one) =>
      one.service === service &&
      (one.methods.includes('*') || one.methods.includes(method)) &&
      one.path.test(path),
  )
}

/** Why what is called by name is refused, whatever is granted. */
export function mintingOf(called: readonly Called[]): string | undefined {
  const found = called.find(
    ({ service, action }) => byName.has(`${service}:${action}`) || action.startsWith('CreatePresigned'),
  )
  return found === undefined ? undefined : refusal(`${found.service}:${found.action}`)
}

/** The same of a method and path; both as they are sent. */
export function mintedAt(service: string, method: string, path: string): string | undefined {
  return isAt(byPath, service, method, path) ? refusal(`${service}:${method}${path}`) : undefined
}

function refusal(what: string): string {
  return `the answer to ${what} would be a credential, which no step may hold: let an operator make it, and name it as a credential of a connection`
}

/** Whether an answer by path may open something. */
export function opensSomething(service: string, method: string, path: string): boolean {
  return openingWord.test(path) || isAt(opening, service, method, path)
}
