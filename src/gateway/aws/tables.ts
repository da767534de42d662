import { readTable, type Table } from './table.ts'

/*
 * What the operations of services name, for those that pipelines use. Service Authorization Reference; members by the Smithy models of
 * AWS (those of botocore 1.44). Each operation has the members that are its own: another one that a request brings means nothing to the
 * service, and must not be what is judged. An operation without a line here names nothing, and goes by `~`.
 */
export const tables: Readonly<Record<string, Table>> = {
  cloudformation: readTable(
    `CancelUpdateStack|DescribeStackEvents|DescribeStackResource|DescribeStackResourceDrifts|
     DescribeStackResources|DescribeStacks|DetectStackDrift|DetectStackResourceDrift|GetStackPolicy|
     ListChangeSets|ListStackResources|SetStackPolicy|SignalResource|UpdateTerminationProtection => {StackName}
     ContinueUpdateRollback|CreateChangeSet|CreateStack|DeleteStack|RollbackStack|UpdateStack => {StackName} pass RoleARN
     DeleteChangeSet|DescribeChangeSet|DescribeChangeSetHooks|DescribeEvents|ExecuteChangeSet|GetTemplate => {StackName} within ChangeSetName
     CreateStackInstances|DeleteStackInstances|DeleteStackSet|DescribeStackInstance|DescribeStackSet|
     DescribeStackSetOperation|DetectStackSetDrift|ImportStacksToStackSet|
     ListStackInstanceResourceDrifts|ListStackInstances|ListStackSetAutoDeploymentTargets|
     ListStackSetOperationResults|ListStackSetOperations|StopStackSetOperation|UpdateStackInstances => {StackSetName}
     CreateStackSet|UpdateStackSet => {StackSetName} pass AdministrationRoleARN
     GetTemplateSummary => {StackName|StackSetName}
     ActivateType|RegisterType => pass ExecutionRoleArn`,
  ),
  codebuild: readTable(
    `CreateProject|UpdateProject => {name} pass **serviceRole
     CreateReportGroup|DeleteProject => {name}
     CreateFleet => {name} pass fleetServiceRole
     UpdateFleet => {arn} pass fleetServiceRole
     UpdateProjectVisibility => {projectArn} pass resourceAccessRole
     CreateWebhook|DeleteWebhook|InvalidateProjectCache|ListBuildBatchesForProject|ListBuildsForProject|
     ListSandboxesForProject|StartSandbox|UpdateWebhook => {projectName}
     StartBuild|StartBuildBatch => {projectName} pass **serviceRoleOverride **serviceRole`,
  ),
  codedeploy: readTable(
    `BatchGetApplicationRevisions|CreateApplication|DeleteApplication|GetApplication|
     GetApplicationRevision|ListApplicationRevisions|ListDeploymentGroups|RegisterApplicationRevision => {applicationName}
     UpdateApplication => {applicationName|newApplicationName}
     CreateDeployment|DeleteDeploymentGroup|GetDeploymentGroup|ListDeployments => {applicationName}/{deploymentGroupName}
     BatchGetDeploymentGroups => {applicationName}/{deploymentGroupNames}
     CreateDeploymentGroup => {applicationName}/{deploymentGroupName} pass serviceRoleArn
     UpdateDeploymentGroup => {applicationName}/{currentDeploymentGroupName} pass serviceRoleArn`,
  ),
  dynamodb: readTable(
    `CreateBackup|DeleteItem|DeleteTable|DescribeContinuousBackups|DescribeContributorInsights|
     DescribeKinesisStreamingDestination|DescribeTable|DescribeTableReplicaAutoScaling|
     DescribeTimeToLive|DisableKinesisStreamingDestination|EnableKinesisStreamingDestination|GetItem|
     ListBackups|ListContributorInsights|PutItem|Query|Scan|UpdateContinuousBackups|
     UpdateContributorInsights|UpdateItem|UpdateKinesisStreamingDestination|UpdateTable|
     UpdateTableReplicaAutoScaling|UpdateTimeToLive => {TableName}
     CreateTable => {TableName|GlobalTableSourceArn}
     DeleteResourcePolicy|GetResourcePolicy|ListTagsOfResource|PutResourcePolicy|TagResource|
     UntagResource => {ResourceArn}
     ExportTableToPointInTime|ListExports|ListImports => {TableArn}
     BatchGetItem|BatchWriteItem => {RequestItems.*}
     TransactGetItems|TransactWriteItems => {**TableName}`,
  ),
  ecr: readTable(
    `BatchCheckLayerAvailability|BatchDeleteImage|BatchGetImage|CompleteLayerUpload|CreateRepository|
     DeleteLifecyclePolicy|DeleteRepository|DeleteRepositoryPolicy|DescribeImageReplicationStatus|
     DescribeImageScanFindings|DescribeImageSigningStatus|DescribeImages|GetDownloadUrlForLayer|
     GetLifecyclePolicy|GetLifecyclePolicyPreview|GetRepositoryPolicy|InitiateLayerUpload|
     ListImageReferrers|ListImages|PutImage|PutImageScanningConfiguration|PutImageTagMutability|
     PutLifecyclePolicy|SetRepositoryPolicy|StartImageScan|StartLifecyclePolicyPreview|
     UpdateImageStorageClass|UploadLayerPart => {repositoryName}
     BatchGetRepositoryScanningConfiguration|DescribeRepositories => {repositoryNames}
     ListTagsForResource|TagResource|UntagResource => {resourceArn}
     CreatePullThroughCacheRule|CreateRepositoryCreationTemplate|UpdatePullThroughCacheRule|
     UpdateRepositoryCreationTemplate => pass customRoleArn`,
  ),
  ecs: readTable(
    `CreateCluster => {clusterName}
     DescribeClusters => {clusters=default}
     DeleteAttributes|DeleteCluster|DeregisterContainerInstance|DescribeContainerInstances|
     DiscoverPollEndpoint|GetTaskProtection|ListAttributes|ListContainerInstances|ListServices|ListTasks|
     PutAttributes|PutClusterCapacityProviders|RegisterContainerInstance|SubmitAttachmentStateChanges|
     SubmitContainerStateChange|SubmitTaskStateChange|UpdateCluster|UpdateClusterSettings|
     UpdateContainerAgent|UpdateContainerInstancesState|UpdateTaskProtection => {cluster=default}
     DeleteCapacityProvider|DescribeCapacityProviders => {cluster}
     CreateCapacityProvider|UpdateCapacityProvider => {cluster} pass **infrastructureRoleArn
     CreateService => {cluster=default}/{serviceName} pass role **roleArn
     UpdateService => {cluster=default}/{service} pass **roleArn
     CreateExpressGatewayService => {cluster=default}/{serviceName} pass executionRoleArn infrastructureRoleArn taskRoleArn
     UpdateExpressGatewayService => {serviceArn} pass executionRoleArn taskRoleArn
     DeleteExpressGatewayService|DescribeExpressGatewayService => {serviceArn}
     CreateTaskSet|DeleteService|DeleteTaskSet|DescribeTaskSets|ListServiceDeployments|
     UpdateServicePrimaryTaskSet|UpdateTaskSet => {cluster=default}/{service}
     DescribeServices => {cluster=default}/{services}
     RunTask|StartTask => {cluster=default}/{taskDefinition} pass **taskRoleArn **executionRoleArn **roleArn
     StopTask => {cluster=default}/{task}
     DescribeTasks => {cluster=default}/{tasks}
     RegisterDaemonTaskDefinition|RegisterTaskDefinition => {family} pass **taskRoleArn **executionRoleArn
     DeregisterTaskDefinition|DescribeTaskDefinition => {taskDefinition}
     DeleteTaskDefinitions => {taskDefinitions}
     ListTagsForResource|TagResource|UntagResource => {resourceArn}`,
  ),
  eks: readTable(
    `GET /clusters => ListClusters
     POST /clusters => CreateCluster {name} pass roleArn **nodeRoleArn
     GET /clusters/{} => DescribeCluster
     DELETE /clusters/{} => DeleteCluster
     POST /clusters/{}/updates => UpdateClusterVersion
     POST /clusters/{}/update-config => UpdateClusterConfig pass **nodeRoleArn
     GET /clusters/{}/updates => ListUpdates
     GET /clusters/{}/updates/{} => DescribeUpdate
     GET /clusters/{}/node-groups => ListNodegroups
     POST /clusters/{}/node-groups => CreateNodegroup {nodegroupName} pass nodeRole
     GET /clusters/{}/node-groups/{} => DescribeNodegroup
     DELETE /clusters/{}/node-groups/{} => DeleteNodegroup
     POST /clusters/{}/node-groups/{}/update-version => UpdateNodegroupVersion
     POST /clusters/{}/node-groups/{}/update-config => UpdateNodegroupConfig
     GET /clusters/{}/addons => ListAddons
     POST /clusters/{}/addons => CreateAddon {addonName} pass serviceAccountRoleArn **roleArn
     GET /clusters/{}/addons/{} => DescribeAddon
     POST /clusters/{}/addons/{}/update => UpdateAddon pass serviceAccountRoleArn **roleArn
     DELETE /clusters/{}/addons/{} => DeleteAddon
     POST /clusters/{}/fargate-profiles => CreateFargateProfile {fargateProfileName} pass podExecutionRoleArn
     POST /clusters/{}/pod-identity-associations => CreatePodIdentityAssociation pass roleArn targetRoleArn
     POST /clusters/{}/pod-identity-associations/{} => UpdatePodIdentityAssociation pass roleArn targetRoleArn`,
  ),
  iam: readTable(
    `AttachUserPolicy|CreateAccessKey|CreateLoginProfile|CreateServiceSpecificCredential|CreateUser|
     DeactivateMFADevice|DeleteAccessKey|DeleteLoginProfile|DeleteSSHPublicKey|
     DeleteServiceSpecificCredential|DeleteSigningCertificate|DeleteUser|DeleteUserPermissionsBoundary|
     DeleteUserPolicy|DetachUserPolicy|EnableMFADevice|GetLoginProfile|GetMFADevice|GetSSHPublicKey|
     GetUser|GetUserPolicy|ListAccessKeys|ListAttachedUserPolicies|ListGroupsForUser|ListMFADevices|
     ListSSHPublicKeys|ListServiceSpecificCredentials|ListSigningCertificates|ListUserPolicies|
     ListUserTags|PutUserPermissionsBoundary|PutUserPolicy|ResetServiceSpecificCredential|
     ResyncMFADevice|TagUser|UntagUser|UpdateAccessKey|UpdateLoginProfile|UpdateSSHPublicKey|
     UpdateServiceSpecificCredential|UpdateSigningCertificate|UploadSSHPublicKey|UploadSigningCertificate => {UserName}
     UpdateUser => {UserName|NewUserName}
     AttachGroupPolicy|CreateGroup|DeleteGroup|DeleteGroupPolicy|DetachGroupPolicy|GetGroup|
     GetGroupPolicy|ListAttachedGroupPolicies|ListGroupPolicies|PutGroupPolicy => {GroupName}
     UpdateGroup => {GroupName|NewGroupName}
     AddUserToGroup|RemoveUserFromGroup => {GroupName}/{UserName}
     AttachRolePolicy|CreateRole|DeleteRole|DeleteRolePermissionsBoundary|DeleteRolePolicy|
     DeleteServiceLinkedRole|DetachRolePolicy|GetRole|GetRolePolicy|ListAttachedRolePolicies|
     ListInstanceProfilesForRole|ListRolePolicies|ListRoleTags|PutRolePermissionsBoundary|PutRolePolicy|
     TagRole|UntagRole|UpdateAssumeRolePolicy|UpdateRole|UpdateRoleDescription => {RoleName}
     CreateInstanceProfile|DeleteInstanceProfile|GetInstanceProfile|ListInstanceProfileTags|
     TagInstanceProfile|UntagInstanceProfile => {InstanceProfileName}
     AddRoleToInstanceProfile|RemoveRoleFromInstanceProfile => {InstanceProfileName} pass RoleName
     CreatePolicy => {PolicyName}
     CreatePolicyVersion|DeletePolicy|DeletePolicyVersion|GetPolicy|GetPolicyVersion|
     ListEntitiesForPolicy|ListPolicyTags|ListPolicyVersions|SetDefaultPolicyVersion|TagPolicy|
     UntagPolicy => {PolicyArn}`,
  ),
  kms: readTable(
    `CancelKeyDeletion|CreateGrant|Decrypt|DeleteImportedKeyMaterial|DeriveSharedSecret|DescribeKey|
     DisableKey|DisableKeyRotation|EnableKey|EnableKeyRotation|Encrypt|GenerateDataKey|
     GenerateDataKeyPair|GenerateDataKeyPairWithoutPlaintext|GenerateDataKeyWithoutPlaintext|GenerateMac|
     GetKeyLastUsage|GetKeyPolicy|GetKeyRotationStatus|GetParametersForImport|GetPublicKey|
     ImportKeyMaterial|ListAliases|ListGrants|ListKeyPolicies|ListKeyRotations|ListResourceTags|
     PutKeyPolicy|ReplicateKey|RetireGrant|RevokeGrant|RotateKeyOnDemand|ScheduleKeyDeletion|Sign|
     TagResource|UntagResource|UpdateKeyDescription|UpdatePrimaryRegion|Verify|VerifyMac => {KeyId}
     DeleteAlias => {AliasName}
     CreateAlias|UpdateAlias => {AliasName|TargetKeyId}`,
  ),
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
     GET /*/layers/{}/versions => ListLayerVersions
     GET /*/layers/{}/versions/{} => GetLayerVersion`,
  ),
  logs: readTable(
    `CreateExportTask|CreateLogGroup|CreateLogStream|DeleteLogGroup|DeleteLogStream|DeleteMetricFilter|
     DeleteRetentionPolicy|DeleteSubscriptionFilter|DescribeMetricFilters|DescribeQueries|
     DescribeSubscriptionFilters|ListTagsLogGroup|PutLogEvents|PutMetricFilter|PutRetentionPolicy|
     TagLogGroup|UntagLogGroup => {logGroupName}
     AssociateKmsKey|DisassociateKmsKey => {logGroupName|resourceIdentifier}
     PutSubscriptionFilter => {logGroupName} pass roleArn
     DeleteDataProtectionPolicy|DeleteIndexPolicy|DeleteSyslogConfiguration|DeleteTransformer|
     GetDataProtectionPolicy|GetTransformer|ListSyslogConfigurations|PutBearerTokenAuthentication|
     PutDataProtectionPolicy|PutIndexPolicy|PutLogGroupDeletionProtection|PutSyslogConfiguration|
     PutTransformer => {logGroupIdentifier}
     DescribeLogStreams|FilterLogEvents|GetLogEvents|GetLogGroupFields => {logGroupName|logGroupIdentifier}
     DeleteResourcePolicy|DescribeResourcePolicies|ListTagsForResource|PutResourcePolicy|TagResource|
     UntagResource => {resourceArn}
     PutDestination => pass roleArn
     CreateScheduledQuery|UpdateScheduledQuery => pass executionRoleArn
     CreateImportTask => pass importRoleArn`,
  ),
  secretsmanager: readTable(
    `CancelRotateSecret|DeleteResourcePolicy|DeleteSecret|DescribeSecret|GetResourcePolicy|
     GetSecretValue|ListSecretVersionIds|PutResourcePolicy|PutSecretValue|RemoveRegionsFromReplication|
     ReplicateSecretToRegions|RestoreSecret|StopReplicationToReplica|TagResource|UntagResource|
     UpdateSecret|UpdateSecretVersionStage|ValidateResourcePolicy => {SecretId}
     RotateSecret => {SecretId} pass ExternalSecretRotationRoleArn
     CreateSecret => {Name}
     BatchGetSecretValue => {SecretIdList}`,
  ),
  sns: readTable(
    `AddPermission|ConfirmSubscription|DeleteTopic|GetTopicAttributes|ListSubscriptionsByTopic|
     PublishBatch|RemovePermission|SetTopicAttributes|Subscribe => {TopicArn}
     Publish => {TopicArn|TargetArn|PhoneNumber}
     CreatePlatformApplication|CreateTopic => {Name}
     GetDataProtectionPolicy|ListTagsForResource|PutDataProtectionPolicy|TagResource|UntagResource => {ResourceArn}`,
  ),
  sqs: readTable(
    `AddPermission|ChangeMessageVisibility|ChangeMessageVisibilityBatch|DeleteMessage|DeleteMessageBatch|
     DeleteQueue|GetQueueAttributes|ListDeadLetterSourceQueues|ListQueueTags|PurgeQueue|ReceiveMessage|
     RemovePermission|SendMessage|SendMessageBatch|SetQueueAttributes|TagQueue|UntagQueue => {QueueUrl}
     CreateQueue|GetQueueUrl => {QueueName}
     ListMessageMoveTasks => {SourceArn}
     StartMessageMoveTask => {SourceArn|DestinationArn}`,
  ),
  ssm: readTable(
    `CreateDocument|CreateMaintenanceWindow|CreatePatchBaseline|DeleteDocument|DeleteParameter|
     DescribeDocument|DescribeDocumentPermission|GetDocument|GetParameter|GetParameterHistory|
     LabelParameterVersion|ListDocumentMetadataHistory|ListDocumentVersions|ModifyDocumentPermission|
     PutParameter|UnlabelParameterVersion|UpdateAssociationStatus|UpdateDocument|
     UpdateDocumentDefaultVersion|UpdateDocumentMetadata => {Name}
     CreateAssociation => {Name} pass AssociationDispatchAssumeRole **AutomationAssumeRole
     UpdateAssociation => {AssociationId|Name} pass AssociationDispatchAssumeRole **AutomationAssumeRole
     DeleteAssociation|DescribeAssociation => {Name|AssociationId}
     DeleteParameters|GetParameters => {Names}
     GetParametersByPath => {Path}
     SendCommand => {DocumentName} pass ServiceRoleArn
     StartAutomationExecution|StartChangeRequestExecution => {DocumentName} pass **AutomationAssumeRole
     RegisterTaskWithMaintenanceWindow|UpdateMaintenanceWindowTask => pass **ServiceRoleArn
     UpdateManagedInstanceRole => pass IamRole`,
  ),
  states: readTable(
    `DeleteStateMachine|DescribeStateMachine|ListStateMachineAliases|ListStateMachineVersions|
     PublishStateMachineVersion|StartExecution|StartSyncExecution => {stateMachineArn}
     ListExecutions => {stateMachineArn|mapRunArn}
     DescribeExecution|DescribeStateMachineForExecution|GetExecutionHistory|ListMapRuns|RedriveExecution|
     StopExecution => {executionArn}
     CreateStateMachine => {name} pass roleArn
     UpdateStateMachine => {stateMachineArn} pass roleArn
     TestState => pass roleArn`,
  ),
  sts: readTable(`AssumeRole|AssumeRoleWithSAML|AssumeRoleWithWebIdentity => {RoleArn}`),
}
