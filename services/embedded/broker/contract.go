package broker

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// contract refuses the requests that the broker can not serve safely. Its
// functions run one at a time on the broker's own goroutine.
type contract struct {
	logger *slog.Logger
	// used is the data directory's size: measured at start, then grown by what
	// is produced.
	used, warn, max int64
	warned, full    bool
}

func newContract(opts Options, used int64) *contract {
	return &contract{logger: opts.Logger, used: used, warn: opts.WarnBytes, max: opts.MaxBytes}
}

func (c *contract) enforce(cluster *kfake.Cluster) {
	refuse(cluster, c.createTopics)
	refuse(cluster, c.alterConfigs)
	refuse(cluster, c.incrementalAlterConfigs)
	refuse(cluster, c.createPartitions)
	refuse(cluster, c.deleteTopics)
	refuse(cluster, c.deleteRecords)
	refuse(cluster, c.initProducerID)
	refuse(cluster, c.produce)
}

// refuse runs check on every request of its kind; a response means refusal.
func refuse[Q kmsg.Request](cluster *kfake.Cluster, check func(Q) kmsg.Response) {
	var kind Q
	cluster.ControlKey(kind.Key(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		typed, ok := req.(Q)
		if !ok {
			return nil, nil, false
		}
		response := check(typed)
		return response, nil, response != nil
	})
}

// topicRule returns why a topic setting breaks the contract, or "".
func topicRule(name string, value *string) string {
	switch {
	case name == "cleanup.policy" && (value == nil || *value != "delete"):
		return "the embedded broker does not compact: cleanup.policy must be delete"
	case name == "retention.ms" && (value == nil || *value != "-1"):
		return "the embedded broker keeps everything: retention.ms must be -1"
	case name == "retention.bytes" && value != nil && *value != "-1":
		return "the embedded broker keeps everything: retention.bytes must be -1"
	}
	return ""
}

func (c *contract) createTopics(req *kmsg.CreateTopicsRequest) kmsg.Response {
	reasons := make([]string, len(req.Topics))
	for i, topic := range req.Topics {
		retention := false
		for _, config := range topic.Configs {
			retention = retention || config.Name == "retention.ms"
			if broken := topicRule(config.Name, config.Value); broken != "" {
				reasons[i] = broken
			}
		}
		if !retention {
			reasons[i] = topicRule("retention.ms", nil)
		}
	}
	if !spread(reasons) {
		return nil
	}
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	for i, topic := range req.Topics {
		out := kmsg.NewCreateTopicsResponseTopic()
		out.Topic, out.ErrorCode, out.ErrorMessage = topic.Topic, kerr.PolicyViolation.Code, &reasons[i]
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

// neighbour is why an innocent item of a refused request is refused: a
// request is let through whole or not at all.
const neighbour = "refused because another item of the same request was"

// alterConfigs replaces all settings of a resource, so those of the contract
// must be among them.
func (c *contract) alterConfigs(req *kmsg.AlterConfigsRequest) kmsg.Response {
	reasons := make([]string, len(req.Resources))
	for i, resource := range req.Resources {
		reasons[i] = resourceRule(resource.ResourceType)
		retention := false
		for _, config := range resource.Configs {
			retention = retention || config.Name == "retention.ms"
			if broken := topicRule(config.Name, config.Value); broken != "" {
				reasons[i] = broken
			}
		}
		if !retention && reasons[i] == "" && resource.ResourceType == kmsg.ConfigResourceTypeTopic {
			reasons[i] = topicRule("retention.ms", nil)
		}
	}
	if !spread(reasons) {
		return nil
	}
	resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
	for i, resource := range req.Resources {
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = resource.ResourceType, resource.ResourceName
		out.ErrorCode, out.ErrorMessage = kerr.PolicyViolation.Code, &reasons[i]
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

func (c *contract) incrementalAlterConfigs(req *kmsg.IncrementalAlterConfigsRequest) kmsg.Response {
	reasons := make([]string, len(req.Resources))
	for i, resource := range req.Resources {
		reasons[i] = resourceRule(resource.ResourceType)
		for _, config := range resource.Configs {
			value := config.Value
			if config.Op != kmsg.IncrementalAlterConfigOpSet {
				value = nil
			}
			if broken := topicRule(config.Name, value); broken != "" {
				reasons[i] = broken
			}
		}
	}
	if !spread(reasons) {
		return nil
	}
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	for i, resource := range req.Resources {
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = resource.ResourceType, resource.ResourceName
		out.ErrorCode, out.ErrorMessage = kerr.PolicyViolation.Code, &reasons[i]
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

// spread reports whether any reason is set and, if so, sets the others.
func spread(reasons []string) bool {
	broken := slices.ContainsFunc(reasons, func(r string) bool { return r != "" })
	for i := range reasons {
		if broken && reasons[i] == "" {
			reasons[i] = neighbour
		}
	}
	return broken
}

// resourceRule keeps broker settings, from which topics inherit, as they are.
func resourceRule(kind kmsg.ConfigResourceType) string {
	if kind == kmsg.ConfigResourceTypeBroker {
		return "the embedded broker's settings are fixed"
	}
	return ""
}

func (c *contract) createPartitions(req *kmsg.CreatePartitionsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	reason := "the number of partitions is fixed: keys would change their partition"
	for _, topic := range req.Topics {
		out := kmsg.NewCreatePartitionsResponseTopic()
		out.Topic, out.ErrorCode, out.ErrorMessage = topic.Topic, kerr.PolicyViolation.Code, &reason
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func (c *contract) deleteTopics(req *kmsg.DeleteTopicsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
	reason := "the embedded broker keeps everything: stop it and remove its data directory to begin anew"
	refused := func(name *string, id [16]byte) {
		out := kmsg.NewDeleteTopicsResponseTopic()
		out.Topic, out.TopicID, out.ErrorCode, out.ErrorMessage = name, id, kerr.PolicyViolation.Code, &reason
		resp.Topics = append(resp.Topics, out)
	}
	for i := range req.TopicNames {
		refused(&req.TopicNames[i], [16]byte{})
	}
	for _, topic := range req.Topics {
		refused(topic.Topic, topic.TopicID)
	}
	return resp
}

func (c *contract) deleteRecords(req *kmsg.DeleteRecordsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
	for _, topic := range req.Topics {
		out := kmsg.NewDeleteRecordsResponseTopic()
		out.Topic = topic.Topic
		for _, partition := range topic.Partitions {
			p := kmsg.NewDeleteRecordsResponseTopicPartition()
			p.Partition, p.ErrorCode = partition.Partition, kerr.PolicyViolation.Code
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func (c *contract) initProducerID(req *kmsg.InitProducerIDRequest) kmsg.Response {
	if req.TransactionalID == nil {
		return nil
	}
	c.logger.Warn("embedded broker refused a transactional producer: it can not commit atomically", "transactional_id", *req.TransactionalID)
	resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
	resp.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	return resp
}

func (c *contract) produce(req *kmsg.ProduceRequest) kmsg.Response {
	if req.TransactionID != nil {
		return refuseProduce(req, kerr.TransactionalIDAuthorizationFailed, "the embedded broker has no transactions")
	}
	var size int64
	for _, topic := range req.Topics {
		for _, partition := range topic.Partitions {
			size += int64(len(partition.Records))
		}
	}
	if c.used+size > c.max {
		if !c.full {
			c.full = true
			c.logger.Error("embedded broker's data directory is full, refusing records", "bytes", c.used, "limit_bytes", c.max)
		}
		return refuseProduce(req, kerr.PolicyViolation, fmt.Sprintf(
			"the embedded broker's data directory has reached its cap of %d bytes: raise the cap or move to a real Kafka", c.max))
	}
	c.used += size
	if c.used > c.warn && !c.warned {
		c.warned = true
		c.logger.Warn("embedded broker's data directory is filling up", "bytes", c.used, "limit_bytes", c.max)
	}
	return nil
}

func refuseProduce(req *kmsg.ProduceRequest, cause *kerr.Error, reason string) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range req.Topics {
		out := kmsg.NewProduceResponseTopic()
		out.Topic, out.TopicID = topic.Topic, topic.TopicID
		for _, partition := range topic.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode, p.BaseOffset, p.ErrorMessage = partition.Partition, cause.Code, -1, &reason
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}
