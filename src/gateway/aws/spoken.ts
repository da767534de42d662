/* Which services take an operation by its name, and how they are told it. Smithy models of AWS (those of botocore 1.44). */

/** `SERVICE=PREFIX,PREFIX`: what stands in front of the operation in `X-Amz-Target` (AWS JSON 1.0 and 1.1), by the service that signs. */
const inJson = `
  IoTSecuredTunneling=IoTSecuredTunneling acm=CertificateManager acm-pca=ACMPrivateCA
  aco-automation=ComputeOptimizerAutomationService airflow-serverless=AmazonMWAAServerless
  aoss=OpenSearchServerless application-autoscaling=AnyScaleFrontendService
  applicationinsights=EC2WindowsBarleyService apprunner=AppRunner appstream=PhotonAdminProxyService
  arc-region-switch=ArcRegionSwitch athena=AmazonAthena
  autoscaling-plans=AnyScaleScalingPlannerFrontendService
  aws-marketplace=AWSMPCommerceService_v20200301,AWSMPEntitlementService,AWSMPMeteringService b2bi=B2BI
  backup-gateway=BackupOnPremises_v20210101 bcm-dashboards=AWSBCMDashboardsService
  bcm-data-exports=AWSBillingAndCostManagementDataExports bcm-pricing-calculator=AWSBCMPricingCalculator
  bcm-recommended-actions=AWSBillingAndCostManagementRecommendedActions
  bedrock=AmazonBedrockKeystoneRuntimeService billing=AWSBilling budgets=AWSBudgetServiceGateway
  cassandra=KeyspacesService,KeyspacesStreams ce=AWSInsightsIndexService
  cloud9=AWSCloud9WorkspaceManagementService cloudcontrolapi=CloudApiService
  cloudhsm=BaldrApiService,CloudHsmFrontendService
  cloudtrail=com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101 codebuild=CodeBuild_20161006
  codecommit=CodeCommit_20150413 codeconnections=com.amazonaws.codeconnections.CodeConnections_20231201
  codedeploy=CodeDeploy_20141006 codepipeline=CodePipeline_20150709
  codestar-connections=com.amazonaws.codestar.connections.CodeStar_connections_20191201
  cognito-identity=AWSCognitoIdentityService cognito-idp=AWSCognitoIdentityProviderService
  comprehend=Comprehend_20171127 comprehendmedical=ComprehendMedical_20181030
  compute-optimizer=ComputeOptimizerService config=StarlingDoveService
  cost-optimization-hub=CostOptimizationHubService cur=AWSOrigamiServiceGatewayService
  datapipeline=DataPipeline datasync=FmrsService dax=AmazonDAXV3 devicefarm=DeviceFarm_20150623
  directconnect=OvertureService discovery=AWSPoseidonService_V2015_11_01 dms=AmazonDMSv20160101
  ds=DirectoryService_20150416 dynamodb=DynamoDBStreams_20120810,DynamoDB_20120810
  ec2-instance-connect=AWSEC2InstanceConnectService ecr=AmazonEC2ContainerRegistry_V20150921
  ecr-public=SpencerFrontendService ecs=AmazonEC2ContainerServiceV20141113
  elasticmapreduce=ElasticMapReduce events=AWSEvents evs=AmazonElasticVMwareService
  firehose=Firehose_20150804 fms=AWSFMS_20180101 forecast=AmazonForecast,AmazonForecastRuntime
  frauddetector=AWSHawksNestServiceFacade freetier=AWSFreeTierService fsx=AWSSimbaAPIService_v20180301
  gamelift=GameLift globalaccelerator=GlobalAccelerator_V20180706 glue=AWSGlue health=AWSHealth_20160804
  healthlake=HealthLake identitystore=AWSIdentityStore inspector=InspectorService
  interconnect=Interconnect invoicing=Invoicing iotfleetwise=IoTAutobahnControlPlane
  iotthingsgraph=IotThingsGraphFrontEndService kendra=AWSKendraFrontendService
  kendra-ranking=AWSKendraRerankingFrontendService kinesis=Kinesis_20131202
  kinesisanalytics=KinesisAnalytics_20150814,KinesisAnalytics_20180523 kms=TrentService
  license-manager=AWSLicenseManager lightsail=Lightsail_20161128 logs=Logs_20140328
  lookoutequipment=AWSLookoutEquipmentFrontendService machinelearning=AmazonML_20141212
  marketplacecommerceanalytics=MarketplaceCommerceAnalytics20150701 mediastore=MediaStore_20170901
  memorydb=AmazonMemoryDB mgh=AWSMigrationHub,AWSMigrationHubMultiAccountService
  monitoring=GraniteServiceVersion20100801 mturk-requester=MTurkRequesterServiceV20170117
  network-firewall=NetworkFirewall_20201112 odb=Odb organizations=AWSOrganizationsV20161128
  osm=OpenSearchMemory partnercentral-account=PartnerCentralAccount
  partnercentral-benefits=PartnerCentralBenefitsService partnercentral-channel=PartnerCentralChannel
  partnercentral-selling=AWSPartnerCentralSelling payment-cryptography=PaymentCryptographyControlPlane
  payments=AWSPayments pcs=AWSParallelComputingService personalize=AmazonPersonalize
  pi=PerformanceInsightsv20180227 pricing=AWSPriceListService proton=AwsProton20200720
  redshift-data=RedshiftData redshift-serverless=RedshiftServerless rekognition=RekognitionService
  route53-recovery-cluster=ToggleCustomerAPI route53domains=Route53Domains_v20140515
  route53resolver=Route53Resolver sagemaker=SageMaker secretsmanager=secretsmanager
  servicecatalog=AWS242ServiceCatalogService servicediscovery=Route53AutoNaming_v20170314
  servicequotas=ServiceQuotasV20190624 ses=MailManagerSvc shield=AWSShield_20160616
  sms-voice=PinpointSMSVoiceV2 snowball=AWSIESnowballJobManagementService sqs=AmazonSQS ssm=AmazonSSM
  ssm-contacts=SSMContacts sso=SWBExternalService states=AWSStepFunctions
  storagegateway=StorageGateway_20130630 support=AWSSupport_20130415 swf=SimpleWorkflowService
  tagging=ResourceGroupsTaggingAPI_20170126 textract=Textract timestream=Timestream_20181101
  timestream-influxdb=AmazonTimestreamInfluxDB transcribe=Transcribe transfer=TransferService
  translate=AWSShineFrontendService_20170701 verifiedpermissions=VerifiedPermissions voiceid=VoiceID
  waf=AWSWAF_20150824 waf-regional=AWSWAF_Regional_20161128 wafv2=AWSWAF_20190729 workmail=WorkMailService
  workspaces=WorkspacesService workspaces-instances=EUCMIFrontendAPIService
`

/** Services that take JSON or forms, and not only one of both, have the rest of their API by paths. */
const withPaths: ReadonlySet<string> = new Set([
  ...[
    'aws-marketplace',
    'bedrock',
    'cloudsearch',
    'logs',
    'mediastore',
    'monitoring',
    'payment-cryptography',
  ],
  ...['personalize', 'sagemaker', 'sdb', 'servicecatalog', 'ses', 'sms-voice'],
])

const inForms: ReadonlySet<string> = new Set([
  ...['autoscaling', 'cloudformation', 'cloudsearch', 'ec2', 'elasticache', 'elasticbeanstalk'],
  ...[
    'elasticloadbalancing',
    'iam',
    'importexport',
    'monitoring',
    'rds',
    'redshift',
    'sdb',
    'ses',
    'sns',
    'sqs',
  ],
  'sts',
])

/** Whose requests in CBOR (Smithy RPC v2) are the first choice of SDKs. */
const inCbor: ReadonlySet<string> = new Set([
  ...['aco-automation', 'applicationinsights', 'appstream', 'arc-region-switch', 'aws-marketplace'],
  ...['backup-gateway', 'cloudwatch', 'comprehendmedical', 'compute-optimizer', 'events', 'gamelift'],
  ...['interconnect', 'kendra-ranking', 'monitoring', 'partnercentral', 'partnercentral-marketing', 'ses'],
  ...['snowball', 'workspaces-instances'],
])

/** By prefix of `X-Amz-Target`, the service that is asked. */
const serviceOfTarget: ReadonlyMap<string, string> = new Map(
  inJson
    .trim()
    .split(/\s+/)
    .flatMap((line) => {
      const [service = '', prefixes = ''] = line.split('=')
      return prefixes.split(',').map((prefix) => [prefix, service] as const)
    }),
)
const json: ReadonlySet<string> = new Set(serviceOfTarget.values())

/** How a service is told what is asked of it: all other services go by method and path, and look at no header or parameter for that. */
export interface Spoken {
  readonly json: boolean
  readonly forms: boolean
  readonly cbor: boolean
  /** By method and path, too. */
  readonly paths: boolean
}

export function spokenBy(service: string): Spoken {
  const [isJson, forms, cbor] = [json.has(service), inForms.has(service), inCbor.has(service)]
  return { json: isJson, forms, cbor, paths: withPaths.has(service) || !(isJson || forms || cbor) }
}

/** The service that an `X-Amz-Target` with this prefix is for; undefined of one that none has. */
export function targetOwner(prefix: string): string | undefined {
  return serviceOfTarget.get(prefix)
}
