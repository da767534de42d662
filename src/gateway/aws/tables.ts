/* What the operations of services name, for those that pipelines use. Service Authorization Reference; each service's API Reference. */

/** How a service is spoken to. */
export interface Table {
  readonly rules: readonly Rule[]
}

export interface Rule {
  /** Of a REST path; undefined where the operation has a name. */
  readonly request?: { readonly method: string; readonly path: RegExp }
  /** `*` for all that have no rule. */
  readonly actions: readonly string[]
  /** What it names, by the members of the request: `{cluster=default}/{service}`, one of several by `|`. */
  readonly resource: readonly Part[]
  /** Members with the roles that it hands to the service. */
  readonly passes: readonly string[]
}

export interface Part {
  readonly members: readonly string[]
  readonly otherwise?: string
}

/** `Action|Action => {a}/{b} pass Role`, and of REST `POST /path/{}/x => Action {member} pass Role`. */
function readTable(lines: string): Table {
  const rules = lines
    .trim()
    .split('\n')
    .map((line): Rule => {
      const [asked = '', rest = ''] = line.trim().split(' => ')
      const [method = '', path] = asked.split(' ')
      const [what = '', passes = ''] = rest.split(' pass ')
      const words = what.trim().split(' ')
      const template = words.at(-1)?.startsWith('{') === true ? words.pop() : undefined
      return {
        ...(path === undefined ? {} : { request: { method, path: pathOf(path) } }),
        actions: path === undefined ? asked.split('|') : words,
        resource: partsOf(template ?? ''),
        passes: passes === '' ? [] : passes.split(' '),
      }
    })
  return { rules }
}

function pathOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('{}', '([^/]+)').replaceAll('*', '[^/]+')}/?$`)
}

function partsOf(template: string): Part[] {
  return [...template.matchAll(/\{([^}=]+)(?:=([^}]+))?\}/g)].map(([, members = '', otherwise]) => ({
    members: members.split('|'),
    ...(otherwise === undefined ? {} : { otherwise }),
  }))
}

export const tables: Readonly<Record<string, Table>> = {
  cloudformation: readTable('* => {StackName|ChangeSetName|StackSetName} pass RoleARN AdministrationRoleARN'),
  codebuild: readTable(
    `* => {projectName|name}
     CreateProject|UpdateProject => {name} pass **serviceRole
     StartBuild|StartBuildBatch => {projectName} pass **serviceRoleOverride`,
  ),
  codedeploy: readTable(
    `* => {applicationName}/{deploymentGroupName}
     CreateDeploymentGroup|UpdateDeploymentGroup => {applicationName}/{deploymentGroupName|currentDeploymentGroupName} pass serviceRoleArn`,
  ),
  dynamodb: readTable(
    `* => {TableName|ResourceArn|TableArn}
     BatchGetItem|BatchWriteItem => {RequestItems.*}
     TransactGetItems|TransactWriteItems => {**TableName}`,
  ),
  ecr: readTable('* => {repositoryName|repositoryNames|resourceArn}'),
  ecs: readTable(
    `* => {cluster|resourceArn}
     CreateCluster => {clusterName}
     DescribeClusters => {clusters=default}
     ListServices|ListTasks|ListContainerInstances => {cluster=default}
     CreateService => {cluster=default}/{serviceName} pass role
     UpdateService|DeleteService => {cluster=default}/{service}
     DescribeServices => {cluster=default}/{services}
     RunTask|StartTask => {cluster=default}/{taskDefinition} pass **taskRoleArn **executionRoleArn
     StopTask|ExecuteCommand => {cluster=default}/{task}
     DescribeTasks => {cluster=default}/{tasks}
     RegisterTaskDefinition => {family} pass **taskRoleArn **executionRoleArn
     DeregisterTaskDefinition|DescribeTaskDefinition => {taskDefinition}
     DeleteTaskDefinitions => {taskDefinitions}`,
  ),
  eks: readTable(
    `GET /clusters => ListClusters
     POST /clusters => CreateCluster {name} pass roleArn
     GET /clusters/{} => DescribeCluster
     DELETE /clusters/{} => DeleteCluster
     POST /clusters/{}/updates => UpdateClusterVersion
     POST /clusters/{}/update-config => UpdateClusterConfig
     GET /clusters/{}/updates => ListUpdates
     GET /clusters/{}/updates/{} => DescribeUpdate
     GET /clusters/{}/node-groups => ListNodegroups
     POST /clusters/{}/node-groups => CreateNodegroup {nodegroupName} pass nodeRole
     GET /clusters/{}/node-groups/{} => DescribeNodegroup
     DELETE /clusters/{}/node-groups/{} => DeleteNodegroup
     POST /clusters/{}/node-groups/{}/update-version => UpdateNodegroupVersion
     POST /clusters/{}/node-groups/{}/update-config => UpdateNodegroupConfig
     GET /clusters/{}/addons => ListAddons
     POST /clusters/{}/addons => CreateAddon {addonName} pass serviceAccountRoleArn
     GET /clusters/{}/addons/{} => DescribeAddon
     POST /clusters/{}/addons/{}/update => UpdateAddon pass serviceAccountRoleArn
     DELETE /clusters/{}/addons/{} => DeleteAddon`,
  ),
  iam: readTable('* => {RoleName|UserName|GroupName|InstanceProfileName|PolicyArn|PolicyName}'),
  kms: readTable('* => {KeyId|AliasName}'),
  lambda: readTable(
    `GET /*/functions => ListFunctions
     POST /*/functions => CreateFunction {FunctionName} pass Role
     GET /*/functions/{} => GetFunction
     DELETE /*/functions/{} => DeleteFunction
     POST /*/functions/{}/invocations => InvokeFunction
     POST /*/functions/{}/response-streaming-invocations => InvokeFunction
     POST /*/functions/{}/invoke-async => InvokeFunction
     PUT /*/functions/{}/code => UpdateFunctionCode
     GET /*/functions/{}/configuration => GetFunctionConfiguration
     PUT /*/functions/{}/configuration => UpdateFunctionConfiguration pass Role
     GET /*/functions/{}/versions => ListVersionsByFunction
     POST /*/functions/{}/versions => PublishVersion
     GET /*/functions/{}/aliases => ListAliases
     POST /*/functions/{}/aliases => CreateAlias {Name}
     GET /*/functions/{}/aliases/{} => GetAlias
     PUT /*/functions/{}/aliases/{} => UpdateAlias
     DELETE /*/functions/{}/aliases/{} => DeleteAlias
     GET /*/functions/{}/policy => GetPolicy
     POST /*/functions/{}/policy => AddPermission
     DELETE /*/functions/{}/policy/{} => RemovePermission
     PUT /*/functions/{}/concurrency => PutFunctionConcurrency
     DELETE /*/functions/{}/concurrency => DeleteFunctionConcurrency
     GET /*/functions/{}/concurrency => GetFunctionConcurrency
     GET /*/functions/{}/code-signing-config => GetFunctionCodeSigningConfig
     POST /*/layers/{}/versions => PublishLayerVersion
     GET /*/layers/{}/versions => ListLayerVersions`,
  ),
  logs: readTable('* => {logGroupName|logGroupIdentifier|resourceArn}'),
  secretsmanager: readTable(
    `* => {SecretId}
     CreateSecret => {Name}
     BatchGetSecretValue => {SecretIdList}`,
  ),
  sns: readTable('* => {TopicArn|TargetArn|Name|ResourceArn}'),
  sqs: readTable('* => {QueueUrl|QueueName}'),
  ssm: readTable(
    `* => {Name}
     GetParameters|DeleteParameters => {Names}
     GetParametersByPath => {Path}
     SendCommand|StartAutomationExecution => {DocumentName} pass ServiceRoleArn
     StartSession => {Target}`,
  ),
  states: readTable(
    `* => {stateMachineArn|executionArn}
     CreateStateMachine => {name} pass roleArn
     UpdateStateMachine => {stateMachineArn} pass roleArn`,
  ),
  sts: readTable('* => {RoleArn}'),
}
